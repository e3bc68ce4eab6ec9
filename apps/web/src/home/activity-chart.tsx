import { useMemo, useState } from 'react';
import { stateColour, stateName } from '../look/states.js';
import { instantText } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';

const STATES = ['success', 'running', 'queued', 'failed'] as const;
const HEIGHT = 120;

/** Runs by the hour, stacked by state. Bars of plain boxes: at most 168 of them, readable by screen readers as a list. */
export function ActivityChart({ runs, hours }: { readonly runs: readonly { readonly hour: string; readonly state: string; readonly runs: number }[]; readonly hours: number }) {
  const t = useWords();
  const { zone } = usePreferences();
  const [at, setAt] = useState<number | null>(null);
  const bars = useMemo(() => {
    const size = hours > 48 ? 6 : 1;
    const last = Math.floor(Date.now() / 3_600_000);
    const count = Math.ceil(hours / size);
    const made = Array.from({ length: count }, (_, index) => ({ fromMs: (last - hours + 1 + index * size) * 3_600_000, counts: {} as Record<string, number>, total: 0 }));
    for (const one of runs) {
      const bar = made[Math.floor((Date.parse(one.hour) / 3_600_000 - (last - hours + 1)) / size)];
      if (bar === undefined) continue;
      bar.counts[one.state] = (bar.counts[one.state] ?? 0) + one.runs;
      bar.total += one.runs;
    }
    return made;
  }, [runs, hours]);
  const most = Math.max(1, ...bars.map((bar) => bar.total));
  const shown = at === null ? null : bars[at];
  return (
    <div className="activity">
      <div className="activity-bars" style={{ height: HEIGHT }} onMouseLeave={() => setAt(null)} role="img" aria-label={t('{n} runs in {hours} hours', { n: runs.reduce((sum, one) => sum + one.runs, 0), hours })}>
        {bars.map((bar, index) => (
          <span key={bar.fromMs} className="activity-slot" onMouseEnter={() => setAt(index)}>
            {STATES.map((state) => (bar.counts[state] ?? 0) > 0 && <i key={state} style={{ height: `${(100 * bar.counts[state]!) / most}%`, background: stateColour(state) }} />)}
          </span>
        ))}
      </div>
      <div className="activity-foot faint small">
        <span>{instantText(new Date(bars[0]!.fromMs).toISOString(), zone, 'minute')}</span>
        <span aria-live="polite">{shown === null || shown === undefined ? t('most in one bar: {n}', { n: most === 1 && bars.every((bar) => bar.total === 0) ? 0 : most }) : `${instantText(new Date(shown.fromMs).toISOString(), zone, 'minute')} · ${STATES.filter((state) => (shown.counts[state] ?? 0) > 0).map((state) => `${shown.counts[state]} ${t(stateName(state))}`).join(', ') || t('no runs')}`}</span>
        <span>{t('now')}</span>
      </div>
    </div>
  );
}
