import { render } from 'preact';
import { App } from './components/app';
import { startOffline } from './offline';
import { start } from './state';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
render(<App />, root);
void start().then(startOffline);
