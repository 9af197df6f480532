import { loading, start } from '../state';
import { AnswerPanel } from './answer-panel';
import { FeatureForm } from './feature-form';
import { Footer } from './footer';
import { Header } from './header';
import { ModelSummary } from './model-summary';
import { DropArea, OpenFile } from './open-file';

export function App() {
  return (
    <>
      <a class="skip" href="#features">
        Skip to the form
      </a>
      <Header />
      <main class="page">
        <Body />
      </main>
      <Footer />
      <DropArea />
    </>
  );
}

function Body() {
  const now = loading.value;
  if (now.status === 'loading') {
    return (
      <p class="notice" role="status">
        Loading the model …
      </p>
    );
  }
  if (now.status === 'failed') return <Failure message={now.message} />;
  return (
    <>
      <ModelSummary card={now.card} />
      <div class="columns">
        <FeatureForm key={now.card.url} card={now.card} />
        <AnswerPanel key={now.card.url} card={now.card} />
      </div>
    </>
  );
}

function Failure({ message }: { message: string }) {
  return (
    <>
      <div class="notice notice-bad" role="alert">
        <h1>There is no model to ask</h1>
        <p>{message}.</p>
        <button type="button" class="button" onClick={() => void start()}>
          Try again
        </button>
      </div>
      <OpenFile />
    </>
  );
}
