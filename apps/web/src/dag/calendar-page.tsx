import { useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ActionIcon } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { Card } from '../chrome/page.js';
import { Loaded } from '../feedback/feedback.js';
import { StateDot } from '../look/state-mark.js';
import { stateName } from '../look/states.js';
import { get, path } from '../rest/client.js';
import { usePreferences, zoneName } from '../time/preferences.js';
import { useWords } from '../words/words.js';

interface Day {
  readonly day: string;
  readonly state: string;
  readonly runs: number;
}
const route = getRouteApi('/shell/dags/$dagId/calendar');

/** A year of runs, one square a day: how much failed is how red it is. */
export function CalendarPage() {
  const t = useWords();
  const { dagId } = route.useParams();
  const { year = new Date().getFullYear() } = route.useSearch();
  const navigate = route.useNavigate();
  const { zone } = usePreferences();
  const days = useQuery({
    queryKey: ['dag', dagId, 'calendar', year, zone],
    queryFn: ({ signal }) => get<{ days: Day[] }>(path`/api/millrace/v1/ui/dags/${dagId}/calendar`, { from: `${year - 1}-12-30T00:00:00Z`, to: `${year + 1}-01-02T00:00:00Z`, zone: zoneName(zone) }, signal),
    staleTime: 5_000,
  });
  const to = (next: number) => () => void navigate({ search: { year: next }, replace: true });
  return (
    <Card
      title={<span className="stepper"><ActionIcon size="sm" aria-label={t('Year before')} onClick={to(year - 1)}><IconChevronLeft size={15} /></ActionIcon><span className="num">{year}</span><ActionIcon size="sm" aria-label={t('Year after')} disabled={year >= new Date().getFullYear()} onClick={to(year + 1)}><IconChevronRight size={15} /></ActionIcon></span>}
      aside={<span className="legend-line">{['success', 'failed', 'running'].map((state) => <span key={state}><StateDot state={state} />{t(stateName(state))}</span>)}</span>}
    >
      <Loaded query={days}>{(data) => <Year dagId={dagId} year={year} days={data.days} />}</Loaded>
    </Card>
  );
}

function Year({ dagId, year, days }: { readonly dagId: string; readonly year: number; readonly days: readonly Day[] }) {
  const t = useWords();
  const { language } = usePreferences();
  const byDay = useMemo(() => {
    const made = new Map<string, Record<string, number>>();
    for (const one of days) made.set(one.day, { ...made.get(one.day), [one.state]: one.runs });
    return made;
  }, [days]);
  const locale = language === 'zh' ? 'zh-CN' : 'en';
  return (
    <div className="months">
      {Array.from({ length: 12 }, (_, month) => {
        const length = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
        const offset = (new Date(Date.UTC(year, month, 1)).getUTCDay() + 6) % 7;
        return (
          <div key={month} className="month">
            <h3>{new Intl.DateTimeFormat(locale, { month: 'long', timeZone: 'UTC' }).format(new Date(Date.UTC(year, month, 1)))}</h3>
            <div className="days">
              {Array.from({ length: offset }, (_, index) => <span key={`before${index}`} />)}
              {Array.from({ length }, (_, index) => {
                const day = `${year}-${String(month + 1).padStart(2, '0')}-${String(index + 1).padStart(2, '0')}`;
                const states = byDay.get(day);
                if (states === undefined) return <span key={day} className="day" title={day} />;
                const total = Object.values(states).reduce((sum, one) => sum + one, 0);
                const text = `${day}: ${Object.entries(states).map(([state, count]) => `${count} ${t(stateName(state))}`).join(', ')}`;
                const failed = (states['failed'] ?? 0) / total;
                const open = ((states['running'] ?? 0) + (states['queued'] ?? 0)) / total;
                return (
                  <Link
                    key={day} to="/dags/$dagId/runs" params={{ dagId }} search={{ since: day }} className="day has" title={text} aria-label={text}
                    style={{ background: open > 0 ? 'var(--state-running)' : failed === 0 ? 'var(--state-success)' : failed === 1 ? 'var(--state-failed)' : `linear-gradient(to top, var(--state-failed) ${Math.max(20, failed * 100)}%, var(--state-success) 0)` }}
                  />
                );
              })}
            </div>
          </div>
        );
      })}
    </div>
  );
}
