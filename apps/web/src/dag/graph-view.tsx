import { ActionIcon, TextInput, Tooltip } from '@mantine/core';
import { IconArrowDown, IconArrowRight, IconDatabase, IconFoldDown, IconFoldUp, IconMaximize, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Background, BaseEdge, Controls, EdgeLabelRenderer, Handle, MiniMap, Position, ReactFlow, ReactFlowProvider, useReactFlow } from '@xyflow/react';
import type { Edge, EdgeProps, Node, NodeProps } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Loaded } from '../feedback/feedback.js';
import { StateBar, StateDot } from '../look/state-mark.js';
import { stateColour, stateName, standsFor } from '../look/states.js';
import type { Structure, TaskShape, TaskSummary } from '../rest/shapes.js';
import { duration, secondsBetween } from '../time/format.js';
import { useWords } from '../words/words.js';
import { layOut } from './elk.js';
import { fromElk, roundedPath, toElk } from './graph-layout.js';
import type { Layout, PlacedEdge, PlacedNode } from './graph-layout.js';

interface GraphProps {
  readonly structure: Structure;
  readonly states: ReadonlyMap<string, TaskSummary> | null;
  readonly pick: (taskId: string) => void;
  /** Tasks to point out, e.g. those that differ between two versions. */
  readonly marks?: ReadonlyMap<string, 'added' | 'removed' | 'changed'>;
  readonly height?: number | string;
  /** What the search looks for, where that is not tasks. */
  readonly searchLabel?: string;
}

/** Tasks and their order as a picture: live states, groups that fold, assets, labels on arrows. */
export function GraphView(props: GraphProps) {
  return <ReactFlowProvider><Graph {...props} /></ReactFlowProvider>;
}

const MANY_TASKS = 120;

function Graph({ structure, states, pick, marks, searchLabel, height = '100%' }: GraphProps) {
  const t = useWords();
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const [folded, setFolded] = useState<ReadonlySet<string>>(() => new Set(structure.tasks.length > MANY_TASKS ? structure.groups.filter((group) => group.parent === null).map((group) => group.id) : []));
  const [isDown, setDown] = useState(false);
  const [withAssets, setAssets] = useState(true);
  const [search, setSearch] = useState('');
  const [hovered, setHovered] = useState<string | null>(null);
  const hasAssets = structure.tasks.some((task) => task.inlets.length + task.outlets.length > 0);
  // What the layout depends on: not the states.
  const shape = useMemo(() => JSON.stringify([structure.tasks.map((task) => [task.id, task.upstream, task.group, task.outlets, task.inlets]), structure.groups.map((group) => group.id), structure.edge_labels, [...folded].toSorted(), isDown, withAssets]), [structure, folded, isDown, withAssets]);
  const layout = useQuery({
    queryKey: ['layout', shape],
    queryFn: async () => {
      const { graph, kinds } = toElk(structure, folded, { isDown, withAssets });
      return fromElk(await layOut(graph), kinds);
    },
    staleTime: Infinity, gcTime: 60_000, placeholderData: (before: Layout | undefined) => before,
  });
  const tasks = useMemo(() => new Map(structure.tasks.map((task) => [task.id, task])), [structure]);
  const membersOf = useMemo(() => membersByGroup(structure), [structure]);
  const fold = useCallback((group: string) => setFolded((before) => {
    const now = new Set(before);
    if (!now.delete(group)) now.add(group);
    return now;
  }), []);

  const near = useMemo(() => {
    if (hovered === null || layout.data === undefined) return null;
    const around = new Set([hovered]);
    for (const edge of layout.data.edges) {
      if (edge.from === hovered) around.add(edge.to);
      if (edge.to === hovered) around.add(edge.from);
    }
    return around;
  }, [hovered, layout.data]);
  const wanted = search.trim().toLowerCase();
  const nodes = useMemo((): Node[] => (layout.data?.nodes ?? []).map((node) => toNode(node, { tasks, states, membersOf, fold, wanted, isDown, marks, t })), [layout.data, tasks, states, membersOf, fold, wanted, isDown, marks, t]);
  const edges = useMemo((): Edge[] => (layout.data?.edges ?? []).map((edge) => ({
    id: edge.id, source: edge.from, target: edge.to, type: 'placed', data: { edge, isNear: near !== null && (edge.from === hovered || edge.to === hovered), isFar: near !== null && edge.from !== hovered && edge.to !== hovered }, zIndex: 1, focusable: false, selectable: false,
  })), [layout.data, near, hovered]);

  const stamp = layout.isPlaceholderData ? '' : shape;
  useEffect(() => {
    if (stamp !== '') requestAnimationFrame(() => void flow.fitView({ padding: 0.08, maxZoom: 1.1, duration: 0 }));
  }, [stamp, flow]);
  const goTo = (): void => {
    const found = layout.data?.nodes.find((node) => node.kind !== 'group' && node.label.toLowerCase().includes(wanted)) ?? layout.data?.nodes.find((node) => node.id.toLowerCase().includes(wanted));
    if (found !== undefined) void flow.fitView({ nodes: [{ id: found.id }], maxZoom: 1.2, duration: 250 });
  };

  return (
    <div className="graph card flush" ref={frame} style={{ height }}>
      <Loaded query={layout}>
        {() => (
          <ReactFlow
            nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} nodesDraggable={false} nodesConnectable={false} edgesFocusable={false} minZoom={0.05} maxZoom={2} onlyRenderVisibleElements
            fitView fitViewOptions={{ padding: 0.08, maxZoom: 1.1 }} proOptions={{ hideAttribution: true }} zoomOnDoubleClick={false} aria-label={t('Graph of the dag')}
            onNodeClick={(_, node) => { if (node.id.startsWith('task:')) pick(node.id.slice(5)); }}
            onNodeMouseEnter={(_, node) => setHovered(node.type === 'taskGroup' ? null : node.id)} onNodeMouseLeave={() => setHovered(null)}
          >
            <Background gap={22} size={1} color="var(--line)" />
            <Controls showInteractive={false} position="bottom-left" />
            {structure.tasks.length > 12 && <MiniMap pannable zoomable position="bottom-right" nodeColor={(node) => (node.type === 'taskGroup' ? 'var(--sunken)' : ((node.data as { colour?: string }).colour ?? 'var(--line-strong)'))} maskColor="color-mix(in srgb, var(--page) 70%, transparent)" bgColor="var(--card)" ariaLabel={t('Overview of the graph')} />}
          </ReactFlow>
        )}
      </Loaded>
      <div className="graph-tools">
        <TextInput type="search" aria-label={searchLabel ?? t('Search tasks')} placeholder={searchLabel ?? t('Search tasks')} leftSection={<IconSearch size={14} />} w={170} value={search} data-page-search onChange={(event) => setSearch(event.currentTarget.value)} onKeyDown={(event) => { if (event.key === 'Enter') goTo(); }} />
        {structure.groups.length > 0 && <Tool label={folded.size > 0 ? t('Unfold groups') : t('Fold groups')} run={() => setFolded(folded.size > 0 ? new Set() : new Set(structure.groups.map((group) => group.id)))} icon={folded.size > 0 ? <IconFoldDown size={16} /> : <IconFoldUp size={16} />} />}
        <Tool label={isDown ? t('From left to right') : t('From top to bottom')} run={() => setDown(!isDown)} icon={isDown ? <IconArrowRight size={16} /> : <IconArrowDown size={16} />} />
        {hasAssets && <Tool label={withAssets ? t('Hide assets') : t('Show assets')} run={() => setAssets(!withAssets)} icon={<IconDatabase size={16} />} />}
        <Tool label={t('Full screen')} run={() => void (document.fullscreenElement === null ? frame.current?.requestFullscreen() : document.exitFullscreen())} icon={<IconMaximize size={16} />} />
      </div>
    </div>
  );
}

function Tool({ label, run, icon }: { readonly label: string; readonly run: () => void; readonly icon: React.ReactNode }) {
  return <Tooltip label={label}><ActionIcon variant="default" size={30} aria-label={label} onClick={run}>{icon}</ActionIcon></Tooltip>;
}

interface Drawing {
  readonly tasks: ReadonlyMap<string, TaskShape>;
  readonly states: ReadonlyMap<string, TaskSummary> | null;
  readonly membersOf: ReadonlyMap<string, readonly string[]>;
  readonly fold: (group: string) => void;
  readonly wanted: string;
  readonly isDown: boolean;
  readonly marks: GraphProps['marks'];
  readonly t: ReturnType<typeof useWords>;
}

function toNode(node: PlacedNode, drawing: Drawing): Node {
  const id = node.id.slice(node.id.indexOf(':') + 1);
  const isWanted = drawing.wanted !== '' && (node.label.toLowerCase().includes(drawing.wanted) || id.toLowerCase().includes(drawing.wanted));
  const common = { id: node.id, position: { x: node.x, y: node.y }, width: node.width, height: node.height, measured: { width: node.width, height: node.height }, handles: handlesOf(node, drawing.isDown), ...(node.parent === null ? {} : { parentId: node.parent }), draggable: false, selectable: false, connectable: false };
  const look = { label: node.label, isWanted, isDown: drawing.isDown };
  if (node.kind === 'asset') return { ...common, type: 'asset', focusable: false, data: look };
  if (node.kind === 'task') {
    const task = drawing.tasks.get(id)!;
    const summary = drawing.states?.get(id);
    const state = summary === undefined ? null : standsFor(summary.states);
    return {
      ...common, type: 'task', focusable: true, ariaLabel: `${node.label}, ${drawing.t(stateName(state))}`, zIndex: 2,
      data: { ...look, task, state, summary, mark: drawing.marks?.get(id), colour: summary === undefined ? undefined : stateColour(state) },
    };
  }
  const counts: Record<string, number> = {};
  for (const member of drawing.membersOf.get(id) ?? []) for (const [state, count] of Object.entries(drawing.states?.get(member)?.states ?? {})) counts[state] = (counts[state] ?? 0) + count;
  return { ...common, type: node.kind === 'group' ? 'taskGroup' : node.kind, focusable: false, zIndex: node.kind === 'folded' ? 2 : 0, data: { ...look, group: id, counts, members: drawing.membersOf.get(id)?.length ?? 0, fold: drawing.fold, colour: standsFor(counts) === null ? undefined : stateColour(standsFor(counts)) } };
}

/** Known from the layout, so that nothing has to be measured before arrows can be drawn. */
function handlesOf({ width, height }: PlacedNode, isDown: boolean): NonNullable<Node['handles']> {
  return isDown
    ? [{ type: 'target', position: Position.Top, x: width / 2, y: 0, width: 1, height: 1 }, { type: 'source', position: Position.Bottom, x: width / 2, y: height, width: 1, height: 1 }]
    : [{ type: 'target', position: Position.Left, x: 0, y: height / 2, width: 1, height: 1 }, { type: 'source', position: Position.Right, x: width, y: height / 2, width: 1, height: 1 }];
}

type TaskData = { label: string; isWanted: boolean; isDown: boolean; task: TaskShape; state: string | null; summary: TaskSummary | undefined; mark: 'added' | 'removed' | 'changed' | undefined };
type GroupData = { label: string; isWanted: boolean; isDown: boolean; group: string; counts: Readonly<Record<string, number>>; members: number; fold: (group: string) => void };

const TaskNode = memo(function TaskNode({ data }: NodeProps<Node<TaskData>>) {
  const { task, summary, state } = data;
  return (
    <div className={`node${data.isWanted ? ' wanted' : ''}${data.mark === undefined ? '' : ` ${data.mark}`}${task.setup ? ' setup' : ''}${task.teardown ? ' teardown' : ''}`} style={{ '--node': summary === undefined ? 'var(--line-strong)' : stateColour(state) } as React.CSSProperties}>
      <Handles isDown={data.isDown} />
      <span className="node-label">{summary !== undefined && <StateDot state={state} />}<span className="clip">{data.label}</span>{task.mapped && <em>[{summary?.instances ?? ' '}]</em>}</span>
      <span className="node-note"><span className="clip">{task.operator}</span>{summary?.start_date != null && <span className="num">{duration(secondsBetween(summary.start_date, summary.end_date))}</span>}</span>
    </div>
  );
});

const GroupNode = memo(function GroupNode({ data }: NodeProps<Node<GroupData>>) {
  return (
    <div className="node-group">
      <Handles isDown={data.isDown} />
      <button type="button" className="nodrag nopan" onClick={() => data.fold(data.group)}>{data.label}<IconFoldUp size={13} aria-hidden="true" /></button>
    </div>
  );
});

const FoldedNode = memo(function FoldedNode({ data }: NodeProps<Node<GroupData>>) {
  return (
    <button type="button" className={`node folded nodrag nopan${data.isWanted ? ' wanted' : ''}`} onClick={() => data.fold(data.group)}>
      <Handles isDown={data.isDown} />
      <span className="node-label"><span className="clip">{data.label}</span><em>{data.members}</em><IconFoldDown size={13} aria-hidden="true" /></span>
      {Object.keys(data.counts).length > 0 ? <StateBar states={data.counts} width="100%" /> : <span className="node-note" />}
    </button>
  );
});

const AssetNode = memo(function AssetNode({ data }: NodeProps<Node<{ label: string; isWanted: boolean; isDown: boolean }>>) {
  return <div className={`node-asset${data.isWanted ? ' wanted' : ''}`}><Handles isDown={data.isDown} /><IconDatabase size={13} aria-hidden="true" /><span className="clip">{data.label}</span></div>;
});

function Handles({ isDown }: { readonly isDown: boolean }) {
  return <><Handle type="target" position={isDown ? Position.Top : Position.Left} isConnectable={false} /><Handle type="source" position={isDown ? Position.Bottom : Position.Right} isConnectable={false} /></>;
}

const PlacedEdgeLine = memo(function PlacedEdgeLine({ id, data }: EdgeProps<Edge<{ edge: PlacedEdge; isNear: boolean; isFar: boolean }>>) {
  if (data === undefined) return null;
  const { edge } = data;
  return (
    <>
      <BaseEdge id={id} path={roundedPath(edge.points)} className={`edge${edge.isAsset ? ' asset' : ''}${data.isNear ? ' near' : ''}${data.isFar ? ' far' : ''}`} markerEnd="" />
      {edge.label !== null && edge.labelAt !== null && <EdgeLabelRenderer><span className="edge-label" style={{ transform: `translate(-50%, -50%) translate(${edge.labelAt.x}px, ${edge.labelAt.y}px)` }}>{edge.label}</span></EdgeLabelRenderer>}
    </>
  );
});

/** `group` is a kind of React Flow's own, with looks of its own. */
const NODE_TYPES = { task: TaskNode, taskGroup: GroupNode, folded: FoldedNode, asset: AssetNode };
const EDGE_TYPES = { placed: PlacedEdgeLine };

function membersByGroup(structure: Structure): ReadonlyMap<string, readonly string[]> {
  const parents = new Map(structure.groups.map((group) => [group.id, group.parent]));
  const members = new Map<string, string[]>(structure.groups.map((group) => [group.id, []]));
  for (const task of structure.tasks) {
    const seen = new Set<string>();
    for (let up = task.group; up !== null && members.has(up) && !seen.has(up); up = parents.get(up) ?? null) {
      seen.add(up);
      members.get(up)!.push(task.id);
    }
  }
  return members;
}
