import { useState } from 'preact/hooks';
import { percentText } from '../components/text';
import type { OutputAnswer } from '../model-card';
import { problem } from '../state';
import type { Explained, Explaining } from './explaining';
import { seenFrom, type Target } from './target';
import { TargetChoice } from './target-choice';
import { shownTerms, termsOf, type Terms } from './terms';
import { plainText, sentenceText, unitsText } from './text';
import type { Unit } from './unit';
import { Waterfall } from './waterfall';
import { EveryDigit } from './every-digit';

const nTermsAtFirst = 10;
/** A table of more is nothing to read. */
const nTermsMax = 200;

/** What each feature adds to the margin, from what is expected of any row to what is said of this one. */
export function ContributionsCard({ why }: { why: Explaining }) {
  const now = why.explained.value;
  const target = why.target.value;
  return (
    <section class="card contributions" aria-labelledby="contributions-title">
      <h2 id="contributions-title">What each feature adds</h2>
      {now === null || target === null ? (
        <p class="why-soft" role="status">{problem.value === '' ? 'Explaining …' : ''}</p>
      ) : (
        <>
          <TargetChoice why={why} answer={now.answer} target={target} />
          {now.parts === null ? (
            <p class="note note-warn">{sentenceText(now.refusal)}</p>
          ) : (
            <Contributions why={why} now={now} parts={now.parts} target={target} />
          )}
        </>
      )}
      <p class="problem" role="alert">{problem.value}</p>
    </section>
  );
}

interface ContributionsProps {
  readonly why: Explaining;
  readonly now: Explained;
  readonly parts: Float64Array;
  readonly target: Target;
}

function Contributions({ why, now, parts, target }: ContributionsProps) {
  const [all, setAll] = useState(false);
  const { card } = why;
  const unit = why.unit.value;
  const terms = targetTerms(now, parts, target, card.link, all ? nTermsMax : nTermsAtFirst);
  const more = card.features.length > nTermsAtFirst + 1;
  return (
    <>
      <p class="why-soft">
        {unit.sentence}
        {card.treeCount === 0 && ' A feature of this linear model adds its coefficient times its value.'}
      </p>
      <Waterfall card={card} row={now.answer.row} terms={terms} unit={unit} total={totalName(target, unit)} />
      <Consequence said={now.answer.outputs[target.output]} target={target} unit={unit} terms={terms} />
      {now.method === 'saabas' && (
        <p class="why-soft" role="status">A quick estimate (Saabas); the exact values follow when the row rests.</p>
      )}
      <div class="why-foot">
        {more && (
          <button type="button" class="button" aria-pressed={all} onClick={() => { setAll(!all); }}>
            {all ? `Show the ${String(nTermsAtFirst)} largest` : `Show ${showAllText(card.features.length)}`}
          </button>
        )}
        <EveryDigit card={card} row={now.answer.row} terms={terms} />
      </div>
    </>
  );
}

function showAllText(nFeatures: number): string {
  return nFeatures > nTermsMax ? `the ${String(nTermsMax)} largest` : `all ${String(nFeatures)} features`;
}

/** The terms of the target's margin column, as the target sees them. */
function targetTerms(now: Explained, parts: Float64Array, target: Target, link: string, nMax: number): Terms {
  const stride = now.answer.row.length + 1;
  const own = Array.from(parts.subarray(target.column * stride, (target.column + 1) * stride));
  const base = own.pop() ?? 0;
  const sum = own.reduce((total, x) => total + x, base);
  const isScore = link === 'iforest';
  // An isolation forest's margin is not what its trees add up to.
  const total = isScore ? sum : (now.margins[target.column] ?? NaN);
  const sign = target.opposite ? -1 : 1;
  return termsOf(own.map((x) => sign * x), seenFrom(target, link, base), seenFrom(target, link, total), nMax);
}

function totalName(target: Target, unit: Unit): string {
  const what = unit.name === 'prediction' ? 'prediction' : unit.name;
  return target.classIndex === null ? `this row’s ${what}` : `${what} of ${target.name}`;
}

interface ConsequenceProps {
  readonly said: OutputAnswer | undefined;
  readonly target: Target;
  readonly unit: Unit;
  readonly terms: Terms;
}

/** What the margin means to the answer, where it is not the answer. */
function Consequence({ said, target, unit, terms }: ConsequenceProps) {
  if (said === undefined) return null;
  const shown = shownTerms(terms);
  const margin = unitsText(shown.total, shown.decimals);
  if (said.kind === 'value') {
    if (unit.name === 'prediction') return null;
    return <p class="consequence">From {margin} the model makes the prediction <b>{plainText(said.value)}</b>.</p>;
  }
  const probability = said.probabilities[target.classIndex ?? 0];
  if (probability === undefined || Number.isNaN(probability)) return null;
  return (
    <p class="consequence">
      {unit.name === 'probability' ? 'So the probability of ' : `From ${margin} the model makes a probability of `}
      {unit.name === 'probability' ? <>{target.name} is <b>{percentText(probability)}</b>.</> : <><b>{percentText(probability)}</b> for {target.name}.</>}
    </p>
  );
}
