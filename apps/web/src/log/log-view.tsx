import { ActionIcon, Button, Menu, Switch, TextInput, Tooltip } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconAlertCircle, IconArrowBarToDown, IconChevronDown, IconChevronRight, IconDownload, IconMaximize, IconSearch, IconSettings } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { UIEvent } from 'react';
import { Empty } from '../feedback/feedback.js';
import { instantText } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { LEVELS, matches, shownLines, spansOf } from './log-lines.js';
import type { Level, LogLine } from './log-lines.js';
import { textAddress, useLog } from './use-log.js';
import type { TryName } from './use-log.js';

const LINE_PX = 20;

/** A try's log: live, coloured, searched, and as long as it may be. */
export function LogView({ name, isLive, least, setLeast, line, setLine }: { readonly name: TryName; readonly isLive: boolean; readonly least: Level; readonly setLeast: (level: Level) => void; readonly line: number | undefined; readonly setLine: (line: number) => void }) {
  const t = useWords();
  const { zone } = usePreferences();
  const { log, version, status, failure, more } = useLog(name, isLive);
  const frame = useRef<HTMLDivElement>(null);
  const whole = useRef<HTMLDivElement>(null);
  const [search, setSearch] = useState('');
  const [match, setMatch] = useState(0);
  const [isWrapped, setWrapped] = useState(true);
  const [withTimes, setTimes] = useState(true);
  const [withLoggers, setLoggers] = useState(false);
  const [isFollowing, setFollowing] = useState(true);
  const [unfolded, setUnfolded] = useState<ReadonlySet<number>>(new Set());
  const [error, setError] = useState(-1);

  // The lines are one growing list: its version says when it has changed.
  const shown = useMemo(() => shownLines(log.lines, least, unfolded), [log, version, least, unfolded]);
  const found = useMemo(() => matches(log.lines, shown, search), [log, shown, search]);
  const lines = useVirtualizer({ count: shown.length, getScrollElement: () => frame.current, estimateSize: () => LINE_PX, overscan: 30, paddingStart: 8, paddingEnd: 24 });

  /** Until when a scroll is the reader's own. Our own scrolling says nothing about what the reader wants. */
  const byHandUntil = useRef(0);
  const byHand = (forMs: number) => (): void => { byHandUntil.current = performance.now() + forMs; };
  const onScroll = (event: UIEvent<HTMLDivElement>): void => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    if (isLive && performance.now() < byHandUntil.current) setFollowing(scrollHeight - scrollTop - clientHeight < 40);
  };

  const isOpenEnded = status === 'following' || status === 'loading';
  useEffect(() => {
    if (isFollowing && isLive && shown.length > 0) lines.scrollToIndex(shown.length - 1, { align: 'end' });
  }, [shown.length, isFollowing, isLive, lines]);
  useEffect(() => {
    if (line === undefined) return;
    const place = shown.indexOf(line - 1);
    if (place >= 0) lines.scrollToIndex(place, { align: 'center' });
    // Only when the address changes or the first lines are there.
  }, [line, shown.length > 0]);

  // What is typed is looked for at once, from the top; the end is followed no longer.
  const hasMatch = found.length > 0;
  useEffect(() => {
    if (search === '' || !hasMatch) return;
    setFollowing(false);
    lines.scrollToIndex(found[0]!, { align: 'center' });
    // Not with every line that is written.
  }, [search, hasMatch]);

  const goToMatch = (by: number): void => {
    if (found.length === 0) return;
    const next = (match + by + found.length) % found.length;
    setMatch(next);
    setFollowing(false);
    lines.scrollToIndex(found[next]!, { align: 'center' });
  };
  const goToError = (): void => {
    if (log.errors.length === 0) return;
    const next = (error + 1) % log.errors.length;
    setError(next);
    setFollowing(false);
    const place = shown.indexOf(log.errors[next]!);
    if (place >= 0) lines.scrollToIndex(place, { align: 'center' });
  };
  useHotkeys([['e', goToError], ['f', () => setFollowing((before) => !before)], ['n', () => goToMatch(1)], ['shift+N', () => goToMatch(-1)]]);
  const fileName = `${name.dagId}-${name.runId}-${name.taskId}${name.mapIndex < 0 ? '' : `-${name.mapIndex}`}-${name.tryNumber}.log`.replaceAll(/[^\w.-]+/g, '_');
  const activeError = error < 0 ? -1 : log.errors[error]!;

  return (
    <div className="log card flush" ref={whole}>
      <div className="log-tools">
        <TextInput
          type="search" data-page-search aria-label={t('Search the log')} placeholder={t('Search the log')} leftSection={<IconSearch size={14} />} value={search} w={220}
          onChange={(event) => { setSearch(event.currentTarget.value); setMatch(0); }} onKeyDown={(event) => { if (event.key === 'Enter') goToMatch(event.shiftKey ? -1 : 1); }}
        />
        {search !== '' && <span className="soft num small" role="status">{found.length === 0 ? t('nothing found') : `${match + 1} / ${found.length}`}</span>}
        <span className="levels" role="group" aria-label={t('Least level')}>
          {LEVELS.filter((level) => level !== 'critical').map((level) => <button type="button" key={level} aria-pressed={level === least} className={level === least ? 'on' : ''} onClick={() => setLeast(level)}>{t(level)}</button>)}
        </span>
        <span className="spacer" />
        {log.errors.length > 0 && <Button variant="light" color="red" leftSection={<IconAlertCircle size={14} />} onClick={goToError}>{t('Next error')}<span className="num">&nbsp;{error < 0 ? log.errors.length : `${error + 1}/${log.errors.length}`}</span></Button>}
        {isLive && <Button variant={isFollowing ? 'light' : 'default'} aria-pressed={isFollowing} leftSection={<IconArrowBarToDown size={14} />} onClick={() => setFollowing(!isFollowing)}>{t('Follow')}</Button>}
        <Menu closeOnItemClick={false} width={220}>
          <Menu.Target><Tooltip label={t('View')}><ActionIcon variant="default" size={30} aria-label={t('View')}><IconSettings size={16} /></ActionIcon></Tooltip></Menu.Target>
          <Menu.Dropdown>
            <div className="menu-field"><Switch label={t('Wrap long lines')} checked={isWrapped} onChange={(event) => setWrapped(event.currentTarget.checked)} /></div>
            <div className="menu-field"><Switch label={t('Times')} checked={withTimes} onChange={(event) => setTimes(event.currentTarget.checked)} /></div>
            <div className="menu-field"><Switch label={t('Sources')} checked={withLoggers} onChange={(event) => setLoggers(event.currentTarget.checked)} /></div>
          </Menu.Dropdown>
        </Menu>
        <Tooltip label={t('Download')}><ActionIcon variant="default" size={30} component="a" href={textAddress(name)} download={fileName} aria-label={t('Download')}><IconDownload size={16} /></ActionIcon></Tooltip>
        <Tooltip label={t('Full screen')}><ActionIcon variant="default" size={30} aria-label={t('Full screen')} onClick={() => void (document.fullscreenElement === null ? whole.current?.requestFullscreen() : document.exitFullscreen())}><IconMaximize size={16} /></ActionIcon></Tooltip>
      </div>
      {status === 'failed' ? <Empty title={t('There is no log')} icon={<IconAlertCircle />}><p>{failure}</p></Empty>
        : log.lines.length === 0 && status !== 'loading' ? <Empty title={isOpenEnded ? t('Nothing is written yet') : t('This log is empty')} />
        : (
          <div
            className={isWrapped ? 'log-frame wrapped' : 'log-frame'} ref={frame} tabIndex={0} role="log" aria-label={t('Log')} aria-live="off"
            onScroll={onScroll} onWheel={byHand(800)} onTouchMove={byHand(1_500)} onKeyDown={byHand(800)} onPointerDown={byHand(60_000)} onPointerUp={byHand(300)}
          >
            <div style={{ height: lines.getTotalSize(), position: 'relative', minWidth: 'fit-content' }}>
              {lines.getVirtualItems().map((item) => {
                const at = shown[item.index]!;
                return (
                  <div key={at} ref={isWrapped ? lines.measureElement : undefined} data-index={item.index} className="log-slot" style={{ transform: `translateY(${item.start}px)` }}>
                    <Line
                      line={log.lines[at]!} number={at + 1} search={search} isMatch={found[match] === item.index && search !== ''} isMarked={line === at + 1 || activeError === at} time={withTimes ? zone : null} withLogger={withLoggers} isUnfolded={unfolded.has(at)}
                      pick={setLine} fold={() => setUnfolded((before) => { const now = new Set(before); if (!now.delete(at)) now.add(at); return now; })}
                    />
                  </div>
                );
              })}
            </div>
          </div>
        )}
      <div className="log-foot faint small" role="status">
        <span className="num">{t('{n} lines', { n: log.lines.length })}{shown.length !== log.lines.length && ` · ${t('{n} shown', { n: shown.length })}`}</span>
        {status === 'following' && <span className="live-mark live"><i aria-hidden="true" />{t('following')}</span>}
        {status === 'loading' && <span>{t('reading…')}</span>}
        {status === 'paused' && <span>{t('The log goes on.')} <button type="button" className="link" onClick={more}>{t('Read more')}</button></span>}
      </div>
    </div>
  );
}

const Line = memo(function Line({ line, number, search, isMatch, isMarked, time, withLogger, isUnfolded, pick, fold }: {
  readonly line: LogLine; readonly number: number; readonly search: string; readonly isMatch: boolean; readonly isMarked: boolean; readonly time: string | null; readonly withLogger: boolean; readonly isUnfolded: boolean;
  readonly pick: (line: number) => void; readonly fold: () => void;
}) {
  return (
    <div className={`log-line ${line.level ?? ''}${isMarked ? ' marked' : ''}${isMatch ? ' found' : ''}`}>
      <button type="button" className="log-number" tabIndex={-1} onClick={() => pick(number)} aria-label={`#${number}`}>{number}</button>
      {time !== null && <span className="log-time">{line.timestamp === null ? '' : `${instantText(line.timestamp, time).slice(11)}.${line.timestamp.slice(20, 23)}`}</span>}
      {withLogger && <span className="log-logger">{line.logger}</span>}
      {line.isFirst && (line.level === 'warning' || line.level === 'error' || line.level === 'critical') ? <span className="log-level">{line.level}</span> : null}
      <span className="log-text" style={line.depth === 0 ? undefined : { paddingInlineStart: line.depth * 16 }}>
        {line.group === null ? spansOf(line.raw, search).map((span, index) => <span key={index} className={span.classes || undefined}>{span.text}</span>)
          : <button type="button" className="log-group" aria-expanded={isUnfolded} onClick={fold}>{isUnfolded ? <IconChevronDown size={13} /> : <IconChevronRight size={13} />}{line.text}</button>}
      </span>
    </div>
  );
});
