import { useEffect, useRef, useState } from 'preact/hooks';
import { countText, numberText, percentText } from '../components/text';
import type { BrowserPredictor } from '../predictor';
import { sentenceOf } from '../predictor';
import { namesOf, outputFor } from './match';
import type { PairMeasures } from './messages';
import { Different, Matrix } from './pair-tables';
import { forgetPair, pairFile, pairing, type Pairing } from './second';

interface Props {
  readonly first: BrowserPredictor;
  readonly second: BrowserPredictor;
}

/** A file of rows through both models. */
export function PairCard({ first, second }: Props) {
  const now = pairing.value;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (now.status === 'done' && (now.first !== first || now.second !== second)) forgetPair();
  }, [now, first, second]);
  return (
    <section class="card compare-rows" aria-labelledby="pair-title">
      <h2 id="pair-title">A file of rows through both</h2>
      {now.status === 'busy' ? (
        <div class="compare-progress">
          <label for="pair-progress">Asking both about {now.name}</label>
          <progress id="pair-progress" max={1} value={now.progress} />
          <p>{countText(now.nRows)} rows so far <button type="button" class="button" onClick={forgetPair}>Cancel</button></p>
        </div>
      ) : (
        <div class="compare-ways">
          <button type="button" class="button" onClick={() => input.current?.click()}>Choose a file of rows</button>
          <span class="compare-soft">CSV or NDJSON; a header names the columns of both models</span>
        </div>
      )}
      <input
        ref={input}
        type="file"
        hidden
        accept=".csv,.tsv,.txt,.ndjson,.jsonl,.json"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) void pairFile(file, file.name, first, second);
          event.currentTarget.value = '';
        }}
      />
      {now.status === 'failed' && <p class="problem" role="alert"><strong>{now.name}</strong> cannot be read for both: {now.message}.</p>}
      {now.status === 'done' && now.first === first && now.second === second && <Result key={now.name} {...{ first, second }} pair={now} />}
    </section>
  );
}

interface ResultProps extends Props {
  readonly pair: Pairing & { readonly status: 'done' };
}

function Result({ first, second, pair }: ResultProps) {
  const [output, setOutput] = useState(0);
  const [truth, setTruth] = useState<number | null | undefined>(undefined);
  const [measures, setMeasures] = useState<PairMeasures | null>(null);
  const [failure, setFailure] = useState('');
  const card = first.card.outputs[output];
  const other = card === undefined ? -1 : outputFor(card, second.card);
  const otherCard = second.card.outputs[other];
  useEffect(() => {
    let wanted = true;
    pair.worker.ask({ ask: 'compare', output: [output, other], truth: truth ?? null }).then(
      (found) => {
        if (!wanted) return;
        setMeasures(found);
        setFailure('');
        if (truth === undefined && found.likelyTruth !== null) setTruth(found.likelyTruth);
      },
      (cause: unknown) => { if (wanted) setFailure(sentenceOf(cause)); },
    );
    return () => { wanted = false; };
  }, [pair, output, other, truth]);
  if (failure !== '') return <p class="problem" role="alert">{failure}.</p>;
  if (measures === null || card === undefined || otherCard === undefined) return null;
  const isClass = card.kind === 'class';
  return (
    <>
      <p role="status" class="compare-soft">
        {countText(measures.nRows)} rows of {pair.name} answered by both
        {measures.nSkipped > 0 && `; ${countText(measures.nSkipped)} left out, first ${measures.firstSkipped}`}.
      </p>
      <div class="compare-ways">
        {first.card.outputs.length > 1 && (
          <label class="compare-pick"><span>Output</span>
            <select class="select" value={String(output)} onChange={(event) => { setOutput(Number(event.currentTarget.value)); }}>
              {first.card.outputs.map(({ name }, k) => <option key={k} value={k}>{name}</option>)}
            </select>
          </label>
        )}
        {measures.others.length > 0 && (
          <label class="compare-pick"><span>True answers</span>
            <select class="select" value={String(truth ?? '')} onChange={(event) => { setTruth(event.currentTarget.value === '' ? null : Number(event.currentTarget.value)); }}>
              <option value="">no column</option>
              {measures.others.map((c) => <option key={c} value={c}>{measures.columns[c]}</option>)}
            </select>
          </label>
        )}
      </div>
      <dl class="compare-facts">
        {isClass ? <Fact name="They agree" value={percentText(measures.agreement)} /> : <Fact name="Mean difference" value={numberText(measures.meanDifference)} />}
        {!isClass && <Fact name="Largest difference" value={numberText(measures.largestDifference)} />}
        {measures.nJudged > 0 && namesOf(first, second).map((name, s) => (
          <Fact key={s} name={`${isClass ? 'Accuracy' : 'Mean absolute error'} of ${name}`} value={(isClass ? percentText : numberText)(measures.quality[s as 0 | 1])} />
        ))}
      </dl>
      {isClass && <Matrix {...{ first, second, measures }} rows={card.labels} columns={otherCard.labels} />}
      <Different {...{ first, second, measures }} isClass={isClass} hasTruth={truth !== null && truth !== undefined} />
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return <div class="compare-fact"><dt>{name}</dt><dd>{value}</dd></div>;
}
