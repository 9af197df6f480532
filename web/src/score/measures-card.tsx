import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { newestOnly } from '../timing';
import { countText, numberText, percentText } from '../components/text';
import { ConfusionMatrix } from './confusion-matrix';
import type { ClassMeasures, Measures, ValueMeasures } from './measures';
import type { Question } from './messages';
import { firstQuestion, question, type Scored } from './scoring';

/** How good the answers are, where the file has a column with the true ones. */
export function MeasuresCard({ scored }: { scored: Scored }) {
  const measures = useMeasures(scored);
  const { outputs } = scored.predictor.card;
  const { summary } = scored;
  if (summary.others.length === 0 && outputs.length === 1 && outputs[0]?.labels.length !== 2) return null;
  return (
    <section class="card measures" aria-labelledby="measures-title">
      <h2 id="measures-title">How good is it?</h2>
      <Choices scored={scored} />
      {question.value.truth === null ? (
        <p class="measures-none">
          {summary.others.length === 0
            ? 'The file has no column beside the features, so there is nothing to compare with.'
            : 'Choose the column with the true answers.'}
        </p>
      ) : (
        <View measures={measures} />
      )}
    </section>
  );
}

/** The measures for the question; those of an older one until they are there. */
function useMeasures({ table }: Scored): Measures | null {
  const [measures, setMeasures] = useState<Measures | null>(null);
  const [ask] = useState(() =>
    newestOnly(async (asked: Question) => {
      setMeasures(await table.ask({ ask: 'measure', question: asked }).catch(() => null));
    }),
  );
  useEffect(() => { ask(question.value); }, [ask, question.value]);
  return measures;
}

function set(change: Partial<Question>): void {
  question.value = { ...question.value, ...change };
}

function Choices({ scored }: { scored: Scored }) {
  const { summary, predictor } = scored;
  const { outputs } = predictor.card;
  const now = question.value;
  const output = outputs[now.output];
  const isClass = output?.kind === 'class' && output.labels.length > 1;
  return (
    <div class="choices">
      {outputs.length > 1 && (
        <Choice id="output" label="Output" value={String(now.output)} onChoose={(text) => { question.value = firstQuestion(predictor, summary, Number(text)); }}>
          {outputs.map(({ name }, k) => <option key={k} value={k}>{name}</option>)}
        </Choice>
      )}
      <Choice id="truth" label="True answers" value={String(now.truth ?? '')} onChoose={(text) => { set({ truth: text === '' ? null : Number(text) }); }}>
        <option value="">no column</option>
        {summary.others.map((c) => <option key={c} value={c}>{summary.columns[c]}</option>)}
      </Choice>
      {isClass && (
        <Choice id="positive" label="Classes" value={String(now.positive ?? '')} onChoose={(text) => { set({ positive: text === '' ? null : Number(text), threshold: null }); }}>
          <option value="">all, as decided</option>
          {output.labels.map((label, k) => <option key={k} value={k}>{label} against the rest</option>)}
        </Choice>
      )}
      {isClass && now.positive !== null && <Threshold label={output.labels[now.positive] ?? ''} />}
    </div>
  );
}

interface ChoiceProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly onChoose: (value: string) => void;
  readonly children: ComponentChildren;
}

function Choice({ id, label, value, onChoose, children }: ChoiceProps) {
  return (
    <div class="choice">
      <label for={`choice-${id}`}>{label}</label>
      <select id={`choice-${id}`} class="select" value={value} onChange={(event) => { onChoose(event.currentTarget.value); }}>
        {children}
      </select>
    </div>
  );
}

/** From which probability on a row counts as the class. */
function Threshold({ label }: { label: string }) {
  const { threshold } = question.value;
  return (
    <div class="choice choice-wide">
      <div class="choice-head">
        <label for="threshold">
          {threshold === null ? `${label} where the model says so` : `${label} from ${percentText(threshold)} on`}
        </label>
        {threshold !== null && (
          <button type="button" class="link-button" data-focus-then="#threshold" onClick={() => { set({ threshold: null }); }}>
            As the model decides
          </button>
        )}
      </div>
      <input
        id="threshold"
        class="slider"
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={threshold ?? 0.5}
        style={{ '--fill': String(threshold ?? 0.5) }}
        onInput={(event) => { set({ threshold: event.currentTarget.valueAsNumber }); }}
      />
    </div>
  );
}

function View({ measures }: { measures: Measures | null }) {
  if (measures === null) return <p class="measures-none">No row has both an answer and a true one in this column.</p>;
  return measures.kind === 'class' ? <Classes measures={measures} /> : <Values measures={measures} />;
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div class="measure">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** A measure that may have nothing to divide by. */
function orDash(x: number, text: (x: number) => string): string {
  return Number.isNaN(x) ? '–' : text(x);
}

function Classes({ measures }: { measures: ClassMeasures }) {
  return (
    <>
      <dl class="measure-list" aria-live="polite">
        <Fact name="Accuracy" value={percentText(measures.accuracy)} />
        {!Number.isNaN(measures.auc) && <Fact name="Area under ROC" value={measures.auc.toFixed(4)} />}
        <Fact name="Log loss" value={orDash(measures.logLoss, numberText)} />
        <Fact name="Rows compared" value={countText(measures.nRows)} />
      </dl>
      <div class="tables">
        <ConfusionMatrix measures={measures} />
        <PerClass measures={measures} />
      </div>
    </>
  );
}

function PerClass({ measures: { labels, precision, recall, f1 } }: { measures: ClassMeasures }) {
  return (
    <div class="table-box" role="region" aria-label="Precision and recall" tabIndex={0}>
      <table class="numbers">
        <caption>Of each class</caption>
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col">Precision</th>
            <th scope="col">Recall</th>
            <th scope="col">F1</th>
          </tr>
        </thead>
        <tbody>
          {labels.map((label, k) => (
            <tr key={k}>
              <th scope="row">{label}</th>
              {[precision, recall, f1].map((column, i) => <td key={i}>{orDash(column[k] ?? NaN, percentText)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Values({ measures }: { measures: ValueMeasures }) {
  return (
    <dl class="measure-list" aria-live="polite">
      <Fact name="Mean absolute error" value={numberText(measures.mae)} />
      <Fact name="Root mean square error" value={numberText(measures.rmse)} />
      <Fact name="R²" value={orDash(measures.r2, numberText)} />
      <Fact name="Mean error" value={numberText(measures.bias)} />
      <Fact name="Rows compared" value={countText(measures.nRows)} />
    </dl>
  );
}
