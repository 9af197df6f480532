import { isDrawn } from '../first-parts';
import { isSaved } from '../is-saved';
import { offlineReady } from '../offline';
import { loading } from '../state';

export function Footer() {
  const now = loading.value;
  if (!isDrawn('footer')) return null;
  return (
    <footer class="footer">
      <div class="footer-inner">
        <p class="offline" role="status">
          {isSaved ? 'Works offline, from this file' : offlineReady.value ? 'Ready to work offline' : ''}
        </p>
        {now.status === 'ready' && (
          <a href={now.predictor.card.url} download={`${now.predictor.card.name}.safetensors`}>
            Download {now.predictor.card.name}.safetensors
          </a>
        )}
      </div>
    </footer>
  );
}
