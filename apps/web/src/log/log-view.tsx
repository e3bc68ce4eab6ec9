import { ActionIcon, Button, Menu, Switch, TextInput, Tooltip } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconAlertCircle, IconArrowBarToDown, IconArrowBarToUp, IconChevronDown, IconChevronRight, IconDownload, IconMaximize, IconSearch, IconSettings } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { UIEvent } from 'react';
import { Empty } from '../feedback/feedback.js';
import { instantText } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { bytesText } from './bytes-text.js';
import { LEVELS, matches, shownLines, spansOf } from './log-lines.js';
import type { Level, LogLine } from './log-lines.js';
import { textAddress, useLog } from './use-log.js';
import type { TryName } from './use-log.js';
import { WholeSearch } from './whole-search.js';

const LINE_PX = 20;

/** A try's log: live, coloured, searched, and as long as it may be. */
export function LogView({ name, isLive, least, setLeast, line, setLine }: { readonly name: TryName; readonly isLive: boolean; readonly least: Level; readonly setLeast: (level: Level) => void; readonly line: number | undefined; readonly setLine: (line: number) => void }) {
  const t = useWords();
  const { zone } = usePreferences();
  const { log, version, status, failure, size, first, next, place, more, earlier, goTo } = useLog(name, isLive);
  const frame = useRef<HTMLDivElement>(null);
  const whole = useRef<HTMLDivElement>(null);
  const [search, setSearch] = useState('');
  /** Of the chosen match and error: their lines' places without what was read before them, which stay the same. */
  const [match, setMatch] = useState<number | null>(null);
  const [error, setError] = useState<number | null>(null);
  const [isSearchingAll, setSearchingAll] = useState(false);
  const [isWrapped, setWrapped] = useState(true);
  const [withTimes, setTimes] = useState(true);
  const [withLoggers, setLoggers] = useState(false);
  const [isFollowing, setFollowing] = useState(true);
  const [unfolded, setUnfolded] = useState<ReadonlySet<number>>(new Set());

  // The lines are one growing list: its version says when it has changed.
  const shown = useMemo(() => shownLines(log.lines, least, unfolded, log.before), [log, version, least, unfolded]);
  const found = useMemo(() => matches(log.lines, shown, search), [log, shown, search]);
  const matchAt = Math.max(0, found.findIndex((at) => shown[at]! - log.before === match));
  const lines = useVirtualizer({
    count: shown.length, getItemKey: (index) => shown[index]! - log.before, getScrollElement: () => frame.current, estimateSize: () => LINE_PX, overscan: 30, paddingStart: 8, paddingEnd: 24,
  });

  /** Until when a scroll is the reader's own. Our own scrolling says nothing about what the reader wants. */
  const byHandUntil = useRef(0);
  const byHand = (forMs: number) => (): void => { byHandUntil.current = performance.now() + forMs; };
  const onScroll = (event: UIEvent<HTMLDivElement>): void => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    const top = lines.getVirtualItemForOffset(scrollTop)?.index;
    if (top !== undefined && top < shown.length) topLine.current = shown[top]! - log.before;
    if (scrollTop < 10 * LINE_PX && performance.now() < byHandUntil.current) earlier();
    if (isLive && performance.now() < byHandUntil.current) setFollowing(scrollHeight - scrollTop - clientHeight < 40);
  };

  const isOpenEnded = status === 'following' || status === 'loading';
  // What is read upwards stands above what somebody looks at: that stays where it is.
  const topLine = useRef(0);
  useLayoutEffect(() => {
    if (log.before === 0) return;
    const held = shown.findIndex((at) => at - log.before >= topLine.current);
    if (held > 0) lines.scrollToIndex(held, { align: 'start' });
  }, [log.before]);
  // Somebody who asks for another place sees it: the end from its last line, a byte from the line that begins there.
  const isThere = log.lines.length > 0;
  useEffect(() => {
    if (!isThere || place === 'start') return;
    if (place === 'end') lines.scrollToIndex(shown.length - 1, { align: 'end' });
    else lines.scrollToIndex(Math.max(0, shown.findIndex((at) => at >= log.before)), { align: 'center' });
    // Once for each place that was asked for.
  }, [log, isThere]);
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
    const at = found[(matchAt + by + found.length) % found.length]!;
    setMatch(shown[at]! - log.before);
    setFollowing(false);
    lines.scrollToIndex(at, { align: 'center' });
  };
  const errorAt = error === null ? -1 : log.errors.indexOf(error + log.before);
  const goToError = (): void => {
    if (log.errors.length === 0) return;
    const next = log.errors[(errorAt + 1) % log.errors.length]!;
    setError(next - log.before);
    setFollowing(false);
    const at = shown.indexOf(next);
    if (at >= 0) lines.scrollToIndex(at, { align: 'center' });
  };
  const isWhole = size === null || (first === 0 && next >= size);
  const goToEnd = (): void => {
    setFollowing(true);
    if (size === null || next < size) goTo('end');
    else lines.scrollToIndex(shown.length - 1, { align: 'end' });
  };
  const goToStart = (): void => {
    setFollowing(false);
    if (first > 0) goTo('start');
    else lines.scrollToIndex(0, { align: 'start' });
  };
  const follow = (): void => {
    if (!isFollowing && size !== null && next < size) goTo('end');
    setFollowing(!isFollowing);
  };
  useHotkeys([['e', goToError], ['f', follow], ['n', () => goToMatch(1)], ['shift+N', () => goToMatch(-1)], ['Home', goToStart], ['End', goToEnd]]);
  const fileName = `${name.dagId}-${name.runId}-${name.taskId}${name.mapIndex < 0 ? '' : `-${name.mapIndex}`}-${name.tryNumber}.log`.replaceAll(/[^\w.-]+/g, '_');
  const activeError = errorAt < 0 ? -1 : log.errors[errorAt]!;

  return (
    <div className="log card flush" ref={whole}>
      <div className="log-tools">
        <TextInput
          type="search" data-page-search aria-label={t('Search the log')} placeholder={t('Search the log')} leftSection={<IconSearch size={14} />} value={search} w={220}
          onChange={(event) => { setSearch(event.currentTarget.value); setMatch(null); setSearchingAll(false); }} onKeyDown={(event) => { if (event.key === 'Enter') goToMatch(event.shiftKey ? -1 : 1); }}
        />
        {search !== '' && <span className="soft num small" role="status">{found.length === 0 ? t('nothing found') : `${matchAt + 1} / ${found.length}`}</span>}
        {search !== '' && !isWhole && <Button variant={isSearchingAll ? 'light' : 'default'} aria-pressed={isSearchingAll} onClick={() => setSearchingAll(!isSearchingAll)}>{t('Search all {size}', { size: bytesText(size) })}</Button>}
        <span className="levels" role="group" aria-label={t('Least level')}>
          {LEVELS.filter((level) => level !== 'critical').map((level) => <button type="button" key={level} aria-pressed={level === least} className={level === least ? 'on' : ''} onClick={() => setLeast(level)}>{t(level)}</button>)}
        </span>
        <span className="spacer" />
        {log.errors.length > 0 && <Button variant="light" color="red" leftSection={<IconAlertCircle size={14} />} onClick={goToError}>{t('Next error')}<span className="num">&nbsp;{errorAt < 0 ? log.errors.length : `${errorAt + 1}/${log.errors.length}`}</span></Button>}
        {isLive && <Button variant={isFollowing ? 'light' : 'default'} aria-pressed={isFollowing} leftSection={<IconArrowBarToDown size={14} />} onClick={follow}>{t('Follow')}</Button>}
        <ActionIcon.Group>
          <Tooltip label={t('To the beginning')}><ActionIcon variant="default" size={30} aria-label={t('To the beginning')} onClick={goToStart}><IconArrowBarToUp size={16} /></ActionIcon></Tooltip>
          <Tooltip label={t('To the end')}><ActionIcon variant="default" size={30} aria-label={t('To the end')} onClick={goToEnd}><IconArrowBarToDown size={16} /></ActionIcon></Tooltip>
        </ActionIcon.Group>
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
      {isSearchingAll && search !== '' && size !== null && <WholeSearch key={`${JSON.stringify(name)} ${search}`} name={name} text={search} size={size} goTo={(byte) => { setFollowing(false); goTo(byte); }} />}
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
                      line={log.lines[at]!} number={first === 0 ? at + 1 : null} search={search} isMatch={found[matchAt] === item.index && search !== ''} isMarked={(first === 0 && line === at + 1) || activeError === at || (typeof place === 'number' && at === log.before)} time={withTimes ? zone : null} withLogger={withLoggers} isUnfolded={unfolded.has(at - log.before)}
                      pick={setLine} fold={() => setUnfolded((before) => { const now = new Set(before); if (!now.delete(at - log.before)) now.add(at - log.before); return now; })}
                    />
                  </div>
                );
              })}
            </div>
          </div>
        )}
      <div className="log-foot faint small" role="status">
        <span className="num">{t('{n} lines', { n: log.lines.length })}{shown.length !== log.lines.length && ` · ${t('{n} shown', { n: shown.length })}`}</span>
        {!isWhole && <span className="num">{t('{from} to {to} of {size}', { from: bytesText(first), to: bytesText(next), size: bytesText(size) })}{first > 0 && <> · <button type="button" className="link" onClick={earlier}>{t('Earlier lines')}</button></>}</span>}
        {status === 'unreachable' && <span className="danger">{failure}</span>}
        {status === 'following' && <span className="live-mark live"><i aria-hidden="true" />{t('following')}</span>}
        {status === 'loading' && <span>{t('reading…')}</span>}
        {status === 'paused' && <span>{t('The log goes on.')} <button type="button" className="link" onClick={more}>{t('Read more')}</button></span>}
      </div>
    </div>
  );
}

const Line = memo(function Line({ line, number, search, isMatch, isMarked, time, withLogger, isUnfolded, pick, fold }: {
  readonly line: LogLine; readonly number: number | null; readonly search: string; readonly isMatch: boolean; readonly isMarked: boolean; readonly time: string | null; readonly withLogger: boolean; readonly isUnfolded: boolean;
  readonly pick: (line: number) => void; readonly fold: () => void;
}) {
  return (
    <div className={`log-line ${line.level ?? ''}${isMarked ? ' marked' : ''}${isMatch ? ' found' : ''}`}>
      {number === null ? <span className="log-number" /> : <button type="button" className="log-number" tabIndex={-1} onClick={() => pick(number)} aria-label={`#${number}`}>{number}</button>}
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
