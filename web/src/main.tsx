import { render } from 'preact';
import { App } from './components/app';
import { startOffline } from './offline';
import { drawParts } from './first-parts';
import { keepFocus } from './keep-focus';
import { followLinks } from './linked-row';
import { start } from './state';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
render(<App />, root);
keepFocus(root);
drawParts();
followLinks();
void start().then(startOffline);
