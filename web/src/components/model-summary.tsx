import { taskOf, type ModelCard } from '../model-card';
import { OpenFile } from './open-file';
import { OpenedPanel } from './opened-panel';
import { bytesText, countText } from './text';

/** Which model this is. */
export function ModelSummary({ card }: { card: ModelCard }) {
  return (
    <section class="summary" aria-labelledby="model-name">
      <h1 id="model-name" tabIndex={-1}>{card.name}</h1>
      <p class="lead">{sentenceAbout(card)}</p>
      <dl class="facts">
        <Fact name="Features" value={String(card.features.length)} />
        {card.treeCount > 0 && <Fact name="Trees" value={countText(card.treeCount)} />}
        <Fact name="File" value={bytesText(card.fileBytes)} />
        {card.version !== '' && <Fact name="Version" value={card.version} code />}
      </dl>
      <OpenFile />
      {card.opened !== null && <OpenedPanel card={card} opened={card.opened} />}
    </section>
  );
}

function sentenceAbout(card: ModelCard): string {
  const task = taskOf(card);
  const what = `${task.charAt(0).toUpperCase()}${task.slice(1)}`;
  return card.trainedBy === '' ? `${what}.` : `${what}. Trained with ${card.trainedBy}.`;
}

function Fact({ name, value, code = false }: { name: string; value: string; code?: boolean }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{code ? <code>{value}</code> : value}</dd>
    </div>
  );
}
