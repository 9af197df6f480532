import { isDrawn } from '../first-parts';
import type { BrowserPredictor } from '../predictor';
import { tokenWanted } from '../server-token';
import { loading, start } from '../state';
import { tab } from '../tabs';
import { AnswerPanel } from './answer-panel';
import { FeatureForm } from './feature-form';
import { Footer } from './footer';
import { Header } from './header';
import { LazyPanel } from './lazy-panel';
import { LinkNote } from './link-note';
import { ModelSummary } from './model-summary';
import { DropArea, OpenFile } from './open-file';
import { TabPanel, Tabs } from './tabs';
import { TokenForm } from './token-form';

export function App() {
  return (
    <>
      <a class="skip" href="#panel">
        Skip to the content
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
      <ModelSummary card={now.predictor.card} />
      <LinkNote />
      {isDrawn('tabs') && <Tabs />}
      {isDrawn('form') && (
        <TabPanel>
          <Panel key={now.predictor.card.url} predictor={now.predictor} />
        </TabPanel>
      )}
    </>
  );
}

/** The panels beyond the first are fetched when they are asked for. */
const loadWhy = async () => (await import('../why/panel-why')).WhyPanel;
const loadWhatIf = async () => (await import('../what-if/panel-what-if')).WhatIfPanel;
const loadCompare = async () => (await import('../compare/panel-compare')).ComparePanel;
const loadScore = async () => (await import('../score/panel-score')).ScorePanel;
const loadServer = async () => (await import('../server/panel-server')).ServerPanel;

function Panel({ predictor }: { predictor: BrowserPredictor }) {
  switch (tab.value) {
    case 'predict':
      return (
        <div class="columns">
          <FeatureForm card={predictor.card} />
          {isDrawn('answer') && <AnswerPanel card={predictor.card} />}
        </div>
      );
    case 'why':
      return <LazyPanel key={tab.value} load={loadWhy} predictor={predictor} />;
    case 'what-if':
      return <LazyPanel key={tab.value} load={loadWhatIf} predictor={predictor} />;
    case 'compare':
      return <LazyPanel key={tab.value} load={loadCompare} predictor={predictor} />;
    case 'score':
      return <LazyPanel key={tab.value} load={loadScore} predictor={predictor} />;
    case 'server':
      return <LazyPanel key={tab.value} load={loadServer} predictor={predictor} />;
  }
}

function Failure({ message }: { message: string }) {
  return (
    <>
      <div class="notice notice-bad" id="panel" tabIndex={-1} role="alert">
        <h1>There is no model to ask</h1>
        <p>{message}.</p>
        {tokenWanted.value ? (
          <TokenForm onToken={() => void start()} />
        ) : (
          <button type="button" class="button" onClick={() => void start()}>
            Try again
          </button>
        )}
      </div>
      <OpenFile />
    </>
  );
}
