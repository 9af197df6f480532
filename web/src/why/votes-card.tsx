import { useState } from 'preact/hooks';
import { countText } from '../components/text';
import type { ModelCard } from '../model-card';
import type { Explained, Explaining } from './explaining';
import { classText, seenFrom } from './target';
import { decimalsFor, roundedParts } from './terms';
import { counted, signedText, signedUnitsText, unitsText } from './text';
import type { Votes } from './votes';
import { VotesStrip } from './votes-strip';

/** What every tree says to the target, and one of them chosen. */
export function VotesCard({ why }: { why: Explaining }) {
  const votes = why.votes.value;
  const now = why.explained.value;
  return (
    <section class="card votes" aria-labelledby="votes-title">
      <h2 id="votes-title">What each tree says</h2>
      {votes === null || now === null ? (
        <p class="why-soft" role="status">Asking the trees …</p>
      ) : (
        <View why={why} now={now} votes={votes} />
      )}
    </section>
  );
}

function View({ why, now, votes }: { why: Explaining; now: Explained; votes: Votes }) {
  const { card } = why;
  const choose = (tree: number) => { why.chosenTree.value = tree; };
  return (
    <>
      <Sum card={card} now={now} votes={votes} unit={why.unit.value.name} />
      {votes.byClass !== null && <Ballot card={card} votes={votes} byClass={votes.byClass} />}
      <VotesStrip card={card} votes={votes} chosen={why.chosenTree.value} onChoose={choose} />
      <EveryVote votes={votes} chosen={why.chosenTree.value} onChoose={choose} />
    </>
  );
}

interface SumProps {
  readonly card: ModelCard;
  readonly now: Explained;
  readonly votes: Votes;
  readonly unit: string;
}

/** Start and trees, and the margin that they make. */
function Sum({ card, now, votes, unit }: SumProps) {
  const { target, adds } = votes;
  const all = adds.reduce((sum, x) => sum + x, 0);
  const n = counted(adds.length, 'tree');
  if (card.combine === 'min' || card.combine === 'max') {
    return <p class="why-soft">The answer is made of the {card.combine === 'min' ? 'smallest' : 'largest'} value of {n}.</p>;
  }
  const isScore = card.outputs[target.output]?.kind === 'score';
  const total = isScore ? all : seenFrom(target, card.link, now.margins[target.column] ?? NaN);
  const start = total - all;
  // Trees that are added in float32 leave a rest that is no start.
  const hasStart = Math.abs(start) > 1e-5 * (Math.abs(total) + adds.reduce((sum, x) => sum + Math.abs(x), 0));
  const parts = hasStart ? [start, all] : [all];
  const decimals = decimalsFor([...parts, total]);
  const rounded = roundedParts(parts, total, decimals);
  const ofTrees = rounded.at(-1) ?? 0;
  return (
    <p class="votes-sum">
      {hasStart && <span><b>{unitsText(rounded[0] ?? 0, decimals)}</b> start</span>}
      <span>
        <b>{hasStart ? signedUnitsText(ofTrees, decimals) : unitsText(ofTrees, decimals)}</b>{' '}
        {card.combine === 'mean' ? `the average of ${n}` : `the sum of ${n}`}
      </span>
      {hasStart && <span><b>= {unitsText(rounded.reduce((sum, x) => sum + x, 0), decimals)}</b> {unit}</span>}
      {!hasStart && <span>= {unit}{target.classIndex === null ? '' : ` of ${target.name}`}</span>}
    </p>
  );
}

/** How many trees have each class as their first, of forests whose trees hold all of them. */
function Ballot({ card, votes, byClass }: { card: ModelCard; votes: Votes; byClass: readonly number[] }) {
  const labels = card.outputs[votes.target.output]?.labels ?? [];
  const order = byClass.map((_, k) => k).filter((k) => (byClass[k] ?? 0) > 0);
  order.sort((a, b) => (byClass[b] ?? 0) - (byClass[a] ?? 0) || a - b);
  const shown = order.slice(0, 6);
  return (
    <ul class="ballot" aria-label="First choices of the trees">
      {shown.map((k) => (
        <li key={k} class={k === votes.target.classIndex ? 'ballot-own' : ''}>
          <b>{countText(byClass[k] ?? 0)}</b> {byClass[k] === 1 ? 'tree' : 'trees'} for {classText(labels[k] ?? '')}
        </li>
      ))}
      {order.length > shown.length && <li>{order.length - shown.length} more classes</li>}
    </ul>
  );
}

const listedAtOnce = 50;

interface EveryVoteProps {
  readonly votes: Votes;
  readonly chosen: number;
  readonly onChoose: (tree: number) => void;
}

/** The trees as a table, some at a time; made when it is opened. */
function EveryVote({ votes, chosen, onChoose }: EveryVoteProps) {
  const [open, setOpen] = useState(false);
  const [count, setCount] = useState(listedAtOnce);
  const shown = Array.from(votes.trees.subarray(0, count));
  return (
    <details class="every-digit" onToggle={(event) => { setOpen(event.currentTarget.open); }}>
      <summary>As a table</summary>
      {open && (
        <div class="table-box votes-table" role="region" aria-label="What each tree adds" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Tree</th>
                <th scope="col">Adds</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((tree, i) => (
                <tr key={tree}>
                  <th scope="row">
                    <button type="button" class="link-button" aria-pressed={tree === chosen} onClick={() => { onChoose(tree); }}>
                      Tree {tree + 1}
                    </button>
                  </th>
                  <td>{signedText(votes.adds[i] ?? NaN)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {count < votes.trees.length && (
            <button
              type="button"
              class="button"
              data-focus-then={`.votes .every-digit tbody tr:nth-child(${String(count + 1)}) button`}
              onClick={() => { setCount(count + listedAtOnce); }}
            >
              Show more
            </button>
          )}
        </div>
      )}
    </details>
  );
}
