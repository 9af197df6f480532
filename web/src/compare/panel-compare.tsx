export function ComparePanel() { return <p>…</p>; }
