import { useState } from 'preact/hooks';
import './panel-what-if.css';
import type { PanelProps } from '../components/lazy-panel';
import { percentText } from '../components/text';
import type { Answer, ModelCard } from '../model-card';
import { answer, gaps, problem, row, useRow } from '../state';
import { chooseTab } from '../tabs';
import { valueText } from './axis';
import { CurvesCard } from './curves-card';
import { NearestCard } from './nearest-card';
import { RegionsCard } from './regions-card';
import { saidText } from './said';
import { splitsOf } from './splits';
import { useNewest } from './use-newest';

/** The row in the form, and the answers around it. */
export function WhatIfPanel({ predictor }: PanelProps) {
  const { card } = predictor;
  const [output, setOutput] = useState(0);
  const [origin] = useState(row.value);
  const splits = useNewest(predictor, card.url, splitsOf);
  const now = answer.value;
  const said = now?.outputs[output];
  const decision = said === undefined ? NaN : said.kind === 'class' ? said.index : said.value;
  const words = spoken(card, output, now);
  const outputCard = card.outputs[output];
  if (card.features.length === 0 || outputCard === undefined) return <p class="notice">This model has no features to change.</p>;
  const shared = { predictor, output, row: row.value, said: words };
  return (
    <div class="what-if">
      <section class="card now" aria-labelledby="now-title">
        <div>
          <h2 id="now-title" class="hidden">The row</h2>
          <p class="now-answer" role="status"><strong>{words}</strong></p>
          <p class="soft now-row">{rowText(card, row.value)}</p>
        </div>
        <div class="now-ways">
          {card.outputs.length > 1 && (
            <label class="pick">
              <span>Output</span>
              <select class="select" value={String(output)} onChange={(event) => { setOutput(Number(event.currentTarget.value)); }}>
                {card.outputs.map(({ name }, k) => <option key={k} value={k}>{name}</option>)}
              </select>
            </label>
          )}
          {row.value !== origin && !row.value.every((x, f) => Object.is(x, origin[f])) && (
            <button type="button" class="button" onClick={() => { useRow(origin); }}>Undo all changes</button>
          )}
          <button type="button" class="button" onClick={() => { chooseTab('predict'); }}>Edit the row</button>
        </div>
      </section>
      {problem.value !== '' && <p class="problem" role="alert">{problem.value}</p>}
      {splits.failure !== '' && <p class="problem" role="alert">{splits.failure}</p>}
      {splits.answer === null && splits.failure === '' && <p class="notice" role="status">Reading the trees …</p>}
      {splits.answer !== null && gaps.value.length === 0 && problem.value === '' && (
        <>
          {!Number.isNaN(decision) && <NearestCard key={output} {...shared} splits={splits.answer} decision={decision} />}
          <RegionsCard {...shared} splits={splits.answer} />
          <CurvesCard {...shared} splits={splits.answer} />
        </>
      )}
    </div>
  );
}

function spoken(card: ModelCard, output: number, now: Answer | null): string {
  const said = now?.outputs[output];
  const outputCard = card.outputs[output];
  if (said === undefined || outputCard === undefined) return '';
  if (said.kind === 'value') return saidText(outputCard, said.value);
  return `${said.label}, ${percentText(said.probabilities[said.index] ?? NaN)}`;
}

const featuresShown = 8;

function rowText({ features }: ModelCard, values: readonly number[]): string {
  const parts = features.slice(0, featuresShown).map((feature, f) => `${feature.title} ${valueText(feature, values[f] ?? NaN)}`);
  const more = features.length - featuresShown;
  return parts.join(', ') + (more > 0 ? ` and ${String(more)} more` : '');
}
