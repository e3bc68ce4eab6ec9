import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Card, Facts } from '../chrome/page.js';
import { Loaded } from '../feedback/feedback.js';
import { JsonView } from '../look/json-view.js';
import { Markdown } from '../look/markdown.js';
import { Ago, Instant } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { detailsQuery } from './queries.js';
import { WaitsForAssets } from './waits-for-assets.js';

const route = getRouteApi('/shell/dags/$dagId/details');

export function DetailsPage() {
  const t = useWords();
  const { dagId } = route.useParams();
  const details = useQuery(detailsQuery(dagId));
  return (
    <Loaded query={details}>
      {(dag) => (
        <div className="columns even">
          <div className="column-side">
            {(dag.doc_md ?? dag.description) !== null && <Card title={t('About')}>{dag.doc_md === null ? <p>{dag.description}</p> : <Markdown text={dag.doc_md} />}</Card>}
            <Card title={t('Schedule')}>
              <Facts rows={[
                [t('Schedule'), dag.timetable_summary === null ? t('only by hand') : <span className="mono">{dag.timetable_summary}</span>], [t('In words'), dag.timetable_description], [t('Time zone'), dag.timezone],
                [t('Next run'), <Instant key="n" at={dag.next_dagrun_run_after} />], [t('Its logical date'), <Instant key="l" at={dag.next_dagrun_logical_date} />],
                [t('Its data interval'), dag.next_dagrun_data_interval_start === null ? null : <span key="i"><Instant at={dag.next_dagrun_data_interval_start} /> – <Instant at={dag.next_dagrun_data_interval_end} /></span>],
                [t('From'), <Instant key="s" at={dag.start_date} />], [t('Until'), <Instant key="e" at={dag.end_date} />], [t('Catch up'), dag.catchup ? t('yes: every missed run is made') : t('no: only the newest')],
              ]} />
            </Card>
            {dag.asset_expression != null && <WaitsForAssets dagId={dagId} />}
          </div>
          <div className="column-side">
            <Card title={t('Dag')}>
              <Facts rows={[
                [t('Id'), <span key="i" className="mono">{dag.dag_id}</span>], [t('Owners'), dag.owners.map((owner) => <span key={owner} className="tag">{owner}</span>)], [t('Tags'), dag.tags.map((tag) => <span key={tag.name} className="tag">{tag.name}</span>)],
                [t('File'), <span key="f" className="mono">{dag.relative_fileloc}</span>], [t('Folder'), dag.bundle_name], [t('Read'), <Ago key="r" at={dag.last_parsed_time} />], [t('Version'), dag.latest_dag_version === null ? null : `v${dag.latest_dag_version.version_number}`],
                [t('Runs at a time'), dag.max_active_runs], [t('Tasks at a time, per run'), dag.max_active_tasks], [t('Run time-out'), dag.dag_run_timeout], [t('Pauses itself after'), dag.max_consecutive_failed_dag_runs === 0 ? null : t('{n} failed runs', { n: dag.max_consecutive_failed_dag_runs })],
              ]} />
            </Card>
            {Object.keys(dag.params).length > 0 && <Card title={t('Params')}><JsonView value={Object.fromEntries(Object.entries(dag.params).map(([name, param]) => [name, param.value]))} /></Card>}
            {Object.keys(dag.default_args).length > 0 && <Card title={t('Default arguments')}><JsonView value={dag.default_args} /></Card>}
          </div>
        </div>
      )}
    </Loaded>
  );
}
