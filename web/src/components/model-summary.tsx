import { taskOf, type ModelCard } from '../model-card';

/** Which model this is. */
export function ModelSummary({ card }: { card: ModelCard }) {
  return (
    <section class="summary" aria-labelledby="model-name">
      <h1 id="model-name">{card.name}</h1>
      <p class="lead">{sentenceAbout(card)}</p>
      <dl class="facts">
        <Fact name="Features" value={String(card.features.length)} />
        {card.treeCount > 0 && <Fact name="Trees" value={card.treeCount.toLocaleString('en')} />}
        <Fact name="File" value={`${kilobytes(card.fileBytes)} kB`} />
        {card.version !== '' && <Fact name="Version" value={card.version} code />}
      </dl>
    </section>
  );
}

function sentenceAbout(card: ModelCard): string {
  const task = taskOf(card);
  const what = `${task.charAt(0).toUpperCase()}${task.slice(1)}`;
  return card.trainedBy === '' ? `${what}.` : `${what}. Trained with ${card.trainedBy}.`;
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toLocaleString('en', { maximumFractionDigits: 1 });
}

function Fact({ name, value, code = false }: { name: string; value: string; code?: boolean }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{code ? <code>{value}</code> : value}</dd>
    </div>
  );
}
