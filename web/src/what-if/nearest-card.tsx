import { useEffect, useState } from 'preact/hooks';
import type { BrowserPredictor } from '../predictor';
import { numberText, percentText } from '../components/text';
import { useRow } from '../state';
import { valueText } from './axis';
import { findNearest, type Change, type Found, type Goal } from './nearest';
import { saidText } from './said';
import type { Splits } from './splits';
import { targetFor } from './target-value';
import { useNewest } from './use-newest';

interface Props {
  readonly predictor: BrowserPredictor;
  readonly splits: Splits;
  readonly output: number;
  readonly row: readonly number[];
  /** Class index or value that the row gets now. */
  readonly decision: number;
}

/** The smallest change of the row that gives another answer. */
export function NearestCard(props: Props) {
  const { predictor, output, decision, row, splits } = props;
  const card = predictor.card.outputs[output];
  const [to, setTo] = useState<number | null>(null);
  const [text, setText] = useTarget(props);
  if (card === undefined) return null;
  const isClass = card.kind === 'class';
  const target = text.trim() === '' ? NaN : Number(text);
  const wish: Goal | null = isClass
    ? { kind: 'class', from: decision, to: to === decision ? null : to }
    : Number.isFinite(target) ? { kind: 'value', target, rise: decision < target } : null;
  const found = useNewest(
    wish,
    JSON.stringify([row.map(String), wish, output]),
    (goal: Goal, wanted) => findNearest({ predictor, splits, output, row, goal }, wanted),
    { quietMs: 120, dropOlder: true },
  );
  return (
    <section class="card nearest" aria-labelledby="nearest-title">
      <div class="what-head">
        <h2 id="nearest-title">What would change the answer</h2>
        {isClass ? (
          <label class="pick">
            <span>To</span>
            <select class="select" value={String(to ?? '')} onChange={(event) => { setTo(event.currentTarget.value === '' ? null : Number(event.currentTarget.value)); }}>
              <option value="">any other class</option>
              {card.labels.map((label, k) => <option key={k} value={k}>{label}</option>)}
            </select>
          </label>
        ) : (
          <label class="pick">
            <span>To cross</span>
            <input class="number" type="number" step="any" value={text} onInput={(event) => { setText(event.currentTarget.value); }} />
          </label>
        )}
      </div>
      {wish === null && <p class="soft">The model now says {saidText(card, decision)}. Type a value that its answer should reach.</p>}
      {found.failure !== '' && <p class="problem" role="alert">{found.failure}</p>}
      {wish !== null && (
        <div class="nearest-found" aria-live="polite" aria-busy={found.busy}>
          {found.answer === null && found.failure === '' && <p class="soft">Searching …</p>}
          {found.answer !== null && (
            <>
              <Line {...props} title="One feature" found={found.answer.one} none="No change of one feature alone does it" />
              <Line {...props} title="Two features together" found={found.answer.two} none={found.answer.one.change === null ? 'No change of two features does it either' : 'No two features do it with less'} />
            </>
          )}
        </div>
      )}
    </section>
  );
}

/** The text of the value to cross: a sensible one until a person types. */
function useTarget({ predictor, splits, output, row, decision }: Props): [string, (text: string) => void] {
  const [text, setText] = useState<string | null>(null);
  const [sensible, setSensible] = useState('');
  useEffect(() => {
    let here = true;
    if (predictor.card.outputs[output]?.kind === 'class') return;
    targetFor(predictor, splits, output, row, decision).then(
      (target) => { if (here && target !== null) setSensible(String(target)); },
      () => undefined,
    );
    return () => { here = false; };
    // Once: a wish stays what it is while the row changes.
  }, []);
  return [text ?? sensible, setText];
}

interface LineProps extends Props {
  readonly title: string;
  readonly found: Found;
  readonly none: string;
}

function Line({ title, found: { change, exact }, none, predictor, output, row, splits }: LineProps) {
  return (
    <div class="change">
      <h3>{title}</h3>
      {change === null ? (
        <p>{none}{exact ? '.' : ', as far as was searched.'}</p>
      ) : (
        <div class="change-line">
          <div>
            <p class="change-text"><ChangeText {...{ change, predictor, output, row }} /></p>
            <p class="soft change-why">{why(change, predictor)}{exact ? '' : splits.stepwise ? ' Not every threshold was looked at.' : ' Found on a grid of 200 steps, then narrowed.'}</p>
          </div>
          <button type="button" class="button" aria-label={`Apply the change: ${title.toLowerCase()}`} onClick={() => { useRow(change.row); }}>Apply</button>
        </div>
      )}
    </div>
  );
}

function ChangeText({ change, predictor, output, row }: { change: Change; predictor: BrowserPredictor; output: number; row: readonly number[] }) {
  const { features, outputs } = predictor.card;
  const card = outputs[output];
  return (
    <>
      {change.parts.map((part, i) => {
        const feature = features[part.feature];
        if (feature === undefined) return null;
        return (
          <span key={part.feature}>
            {i > 0 && ' and '}
            <strong>{feature.title}</strong> from {valueText(feature, row[part.feature] ?? NaN)} to <strong>{exactText(feature.categorical, part.short, valueText(feature, part.short))}</strong>
          </span>
        );
      })}
      {change.parts.length > 1 ? ' make it ' : ' makes it '}
      <strong>{card === undefined ? '' : saidText(card, change.decision)}</strong>
    </>
  );
}

/** Every digit where the short text is not the number itself. */
function exactText(categorical: boolean, x: number, text: string): string {
  return categorical || Number.isNaN(x) || Number(x.toPrecision(9)) === x ? text : text.replace(/^\S+/, String(x));
}

function why({ parts, distance }: Change, { card }: BrowserPredictor): string {
  const crossed = parts.flatMap(({ feature, threshold, value }) =>
    threshold === null ? [] : [`${card.features[feature]?.title ?? ''} is ${value > threshold ? 'above' : 'at most'} ${numberText(threshold)}`],
  );
  const far = `${percentText(distance)} of ${parts.length > 1 ? 'the training ranges together' : 'its training range'}.`;
  return crossed.length === 0 ? far : `As soon as ${crossed.join(' and ')}: ${far}`;
}
