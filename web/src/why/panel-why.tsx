import { useEffect, useState } from 'preact/hooks';
import './panel-why.css';
import { FeatureForm } from '../components/feature-form';
import type { PanelProps } from '../components/lazy-panel';
import type { BrowserPredictor } from '../predictor';
import { ContributionsCard } from './contributions-card';
import { explainRows, type Explaining } from './explaining';
import { ImportancesCard } from './importances-card';
import { TreeCard } from './tree-card';
import { VotesCard } from './votes-card';

/** Why the model says what it says about the row in the form. */
export function WhyPanel({ predictor }: PanelProps) {
  const why = useExplaining(predictor);
  if (why === null) return null;
  return (
    <div class="why">
      <div class="why-top">
        <RowForm predictor={predictor} />
        <ContributionsCard why={why} />
      </div>
      {predictor.card.treeCount > 0 && (
        <>
          <VotesCard why={why} />
          <TreeCard why={why} />
          <ImportancesCard predictor={predictor} />
        </>
      )}
    </div>
  );
}

function useExplaining(predictor: BrowserPredictor): Explaining | null {
  const [why, setWhy] = useState<Explaining | null>(null);
  useEffect(() => {
    const started = explainRows(predictor);
    setWhy(started);
    return started.stop;
  }, [predictor]);
  return why;
}

/** The form, to be moved while its consequences are looked at; folded where there is no room beside. */
function RowForm({ predictor }: PanelProps) {
  const [open] = useState(() => window.matchMedia('(min-width: 48.01rem)').matches);
  return (
    <details class="why-form" open={open}>
      <summary>The row</summary>
      <FeatureForm card={predictor.card} />
    </details>
  );
}
