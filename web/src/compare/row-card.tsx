import { useEffect, useState } from 'preact/hooks';
import { numberText, percentText } from '../components/text';
import { newestOnly } from '../timing';
import type { FeatureCard, OutputAnswer, OutputCard } from '../model-card';
import type { BrowserPredictor, Outcome } from '../predictor';
import { gaps, row } from '../state';
import { labelsOfBoth, matchFeatures, namesOf, outputFor, rowForSecond, standIn } from './match';

interface Props {
  readonly first: BrowserPredictor;
  readonly second: BrowserPredictor;
}

/** The row in the form, answered by both. */
export function RowCard({ first, second }: Props) {
  const match = matchFeatures(first.card, second.card);
  const [both, setBoth] = useState<readonly [Outcome, Outcome] | null>(null);
  const [ask] = useState(() => newestOnly(async (values: readonly number[]) => {
    const other = rowForSecond(values, first.card, second.card, match);
    setBoth(await Promise.all([first.ask(values), second.ask(other)]));
  }));
  useEffect(() => { if (gaps.value.length === 0) ask(row.value); }, [ask, row.value, gaps.value]);
  return (
    <section class="card compare-row" aria-labelledby="row-title">
      <h2 id="row-title">The row in the form</h2>
      <Unmatched {...{ first, second }} onlyFirst={match.onlyFirst} onlySecond={match.onlySecond} />
      {gaps.value.length > 0 && <p class="problem" role="alert">{gaps.value[0]?.title} needs a number.</p>}
      {both?.map((outcome, i) => outcome.kind === 'refused' && (
        <p key={i} class="problem" role="alert">{namesOf(first, second)[i]} refuses this row: {outcome.message}</p>
      ))}
      {both !== null && both[0].kind === 'answered' && both[1].kind === 'answered' && (
        <Answers first={first} second={second} a={both[0].answer.outputs} b={both[1].answer.outputs} />
      )}
    </section>
  );
}

function Unmatched({ first, second, onlyFirst, onlySecond }: Props & { readonly onlyFirst: readonly FeatureCard[]; readonly onlySecond: readonly FeatureCard[] }) {
  if (onlyFirst.length === 0 && onlySecond.length === 0) {
    return <p class="compare-soft">All {first.card.features.length} features have the same names in both.</p>;
  }
  const held = (feature: FeatureCard) => {
    const x = standIn(feature, second.card);
    return `${feature.name} (${Number.isNaN(x) ? 'missing' : `held at ${feature.categories[x] ?? String(x)}`})`;
  };
  const [one, two] = namesOf(first, second);
  return (
    <div class="note note-warn compare-unmatched">
      <ul>
        {onlySecond.length > 0 && <li>Only {two} has {listed(onlySecond.map(held))}.</li>}
        {onlyFirst.length > 0 && <li>Only {one} has {listed(onlyFirst.map(({ name }) => name))}, which {two} does not see.</li>}
      </ul>
    </div>
  );
}

function listed(names: readonly string[]): string {
  return names.slice(0, 12).join(', ') + (names.length > 12 ? ` and ${String(names.length - 12)} more` : '');
}

interface AnswersProps extends Props {
  readonly a: readonly OutputAnswer[];
  readonly b: readonly OutputAnswer[];
}

function Answers({ first, second, a, b }: AnswersProps) {
  return (
    <>
      {first.card.outputs.map((output, k) => {
        const other = outputFor(output, second.card);
        const otherCard = second.card.outputs[other];
        const [mine, theirs] = [a[k], b[other]];
        if (mine === undefined) return null;
        if (otherCard === undefined || theirs === undefined) {
          return <p key={k}>{namesOf(first, second)[1]} has nothing to compare with {output.name}, which is {words(mine)}.</p>;
        }
        return <AnswerTable key={k} names={namesOf(first, second)} output={output} other={otherCard} a={mine} b={theirs} />;
      })}
    </>
  );
}

function words(said: OutputAnswer): string {
  return said.kind === 'class' ? said.label : numberText(said.value);
}

interface TableProps {
  readonly names: readonly [string, string];
  readonly output: OutputCard;
  readonly other: OutputCard;
  readonly a: OutputAnswer;
  readonly b: OutputAnswer;
}

function AnswerTable({ names, output, other, a, b }: TableProps) {
  const lines = a.kind === 'class' && b.kind === 'class'
    ? labelsOfBoth(output, other).map((one) => ({ label: one.label, x: a.probabilities[one.a] ?? NaN, y: b.probabilities[one.b] ?? NaN }))
    : [];
  return (
    <div class="table-box" role="region" aria-label={`Both answers: ${output.name}`} tabIndex={0}>
      <table class="both">
        <caption>{output.name}{other.name !== output.name && ` beside ${other.name}`}: {words(a) === words(b) ? 'both say the same' : 'they differ'}</caption>
        <thead>
          <tr><th scope="col"><span class="hidden">Of</span></th><th scope="col">{names[0]}</th><th scope="col">{names[1]}</th><th scope="col">Difference</th></tr>
        </thead>
        <tbody>
          <tr class="both-answer">
            <th scope="row">Answer</th>
            <td>{words(a)}</td>
            <td>{words(b)}</td>
            <td>{a.kind === 'value' && b.kind === 'value' ? numberText(b.value - a.value) : ''}</td>
          </tr>
          {lines.map(({ label, x, y }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <Share x={x} />
              <Share x={y} />
              <td>{Number.isNaN(x - y) ? '–' : `${y > x ? '+' : ''}${percentText(y - x)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Share({ x }: { x: number }) {
  if (Number.isNaN(x)) return <td>no such class</td>;
  return (
    <td>
      {percentText(x)}
      <span class="bar-track" aria-hidden="true"><span class="bar-fill" style={{ transform: `scaleX(${String(x)})` }} /></span>
    </td>
  );
}
