import { ActionIcon, Menu, Modal, Select, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { IconChevronsLeft, IconChevronsRight, IconKeyboard, IconLanguage, IconLogout, IconMenu2, IconMoon, IconSearch, IconSun, IconUserCircle, IconWorld } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { MaintenanceBanner } from '../services/maintenance.js';
import { send } from '../rest/client.js';
import { sessionQuery, useSession } from '../session/session.js';
import { instantText } from '../time/format.js';
import { useNow } from '../time/instant.js';
import { setPreferences, usePreferences, zoneName } from '../time/preferences.js';
import { useLiveState } from '../live/live.js';
import { useWords } from '../words/words.js';
import { Palette } from './palette.js';
import { usePlaces } from './places.js';
import { ShortcutList } from './shortcuts.js';

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.platform);

/** Everything around a page: navigation, search, clock, user. */
export function Shell() {
  const t = useWords();
  const { navigation } = usePreferences();
  const [isSearching, searching] = useDisclosure(false);
  const [isHelping, helping] = useDisclosure(false);
  const [isNavigating, navigating] = useDisclosure(false);
  const { pathname } = useLocation();
  const { toggleColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const navigate = useNavigate();
  const { language } = usePreferences();
  const pressedG = useRef(0);

  useEffect(() => navigating.close(), [pathname, navigating.close]);
  const after = (to: string) => () => {
    if (Date.now() - pressedG.current < 1_200) void navigate({ to });
  };
  useHotkeys([
    ['mod+K', searching.open],
    ['/', () => (document.querySelector<HTMLElement>('[data-page-search]') ?? { focus: searching.open }).focus()],
    ['shift+?', helping.open],
    ['g', () => (pressedG.current = Date.now())],
    ['h', after('/')],
    ['d', after('/dags')],
    ['r', after('/runs')],
    ['b', after('/backfills')],
    ['a', after('/assets')],
  ]);
  const commands = [
    { text: t('Switch between light and dark'), run: toggleColorScheme },
    { text: language === 'zh' ? 'English' : '切换到中文', run: () => setPreferences({ language: language === 'zh' ? 'en' : 'zh' }) },
    { text: t('Keyboard shortcuts'), run: helping.open },
  ];

  return (
    <div className={`shell ${navigation}${isNavigating ? ' navigating' : ''}`}>
      <a className="skip" href="#main">{t('Skip to the page')}</a>
      <Sidebar />
      {isNavigating && <button type="button" className="veil" aria-label={t('Close navigation')} onClick={navigating.close} />}
      <div className="stage">
        <header className="topbar">
          <ActionIcon className="only-small" aria-label={t('Navigation')} onClick={navigating.toggle}><IconMenu2 size={18} /></ActionIcon>
          <button type="button" className="search-button" onClick={searching.open} aria-keyshortcuts="Control+K">
            <IconSearch size={14} aria-hidden="true" />
            <span>{t('Search dags and pages')}</span>
            <kbd>{IS_MAC ? '⌘' : 'Ctrl'} K</kbd>
          </button>
          <span className="spacer" />
          <LiveMark />
          <Clock />
          <UserMenu help={helping.open} />
        </header>
        <MaintenanceBanner />
        <main id="main" tabIndex={0}><Outlet /></main>
      </div>
      <Palette opened={isSearching} close={searching.close} commands={commands} />
      <Modal opened={isHelping} onClose={helping.close} title={t('Keyboard shortcuts')} size="md"><ShortcutList /></Modal>
    </div>
  );
}

function Sidebar() {
  const t = useWords();
  const { navigation } = usePreferences();
  const places = usePlaces();
  const session = useSession();
  const groups = [['work', null], ['data', t('Data')], ['system', t('System')]] as const;
  const folded = navigation === 'folded';
  return (
    <aside className="sidebar">
      <Link to="/" className="brand" aria-label="Millrace">
        <img src="/favicon.svg" width={24} height={24} alt="" />
        <span>Millrace</span>
      </Link>
      <nav aria-label={t('Main')}>
        {groups.map(([group, title]) => {
          const shown = places.filter((place) => place.group === group);
          return shown.length === 0 ? null : (
            <div key={group} className="nav-group">
              {title !== null && <h2>{title}</h2>}
              {shown.map((place) => (
                <Tooltip key={place.to} label={place.text} position="right" disabled={!folded}>
                  <Link to={place.to} className="nav-link" activeProps={{ className: 'nav-link active', 'aria-current': 'page' }} activeOptions={{ exact: place.to === '/' }} aria-label={place.text}>
                    <place.icon size={17} stroke={1.7} />
                    <span>{place.text}</span>
                  </Link>
                </Tooltip>
              ))}
            </div>
          );
        })}
      </nav>
      <div className="sidebar-foot">
        <span className="faint version">{session?.version}</span>
        <ActionIcon size="sm" className="fold" aria-label={folded ? t('Unfold navigation') : t('Fold navigation')} onClick={() => setPreferences({ navigation: folded ? 'open' : 'folded' })}>
          {folded ? <IconChevronsRight size={16} /> : <IconChevronsLeft size={16} />}
        </ActionIcon>
      </div>
    </aside>
  );
}

function LiveMark() {
  const t = useWords();
  const live = useLiveState();
  const text = live === 'live' ? t('Live: changes show as they happen') : t('Not live: read again every few seconds');
  return (
    <Tooltip label={text}>
      <span className={`live-mark ${live}`} role="status" aria-label={text}><i aria-hidden="true" />{live === 'live' ? t('Live') : t('Polling')}</span>
    </Tooltip>
  );
}

function Clock() {
  const t = useWords();
  const { zone } = usePreferences();
  const now = useNow();
  const [isOpen, setOpen] = useState(false);
  const own = zoneName('local');
  const zones = ['local', 'UTC', ...Intl.supportedValuesOf('timeZone').filter((name) => name !== 'UTC')];
  return (
    <Menu opened={isOpen} onChange={setOpen} width={280} closeOnItemClick={false} withinPortal>
      <Menu.Target>
        <button type="button" className="clock" title={t('Time zone')}>
          <IconWorld size={14} aria-hidden="true" />
          <span className="num">{instantText(new Date(now).toISOString(), zone, 'minute').slice(11)}</span>
          <span className="faint zone">{zone === 'local' ? own : zone}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('Times are shown in')}</Menu.Label>
        <div className="menu-field">
          <Select
            aria-label={t('Time zone')} searchable limit={60} value={zone} comboboxProps={{ withinPortal: false }} data-autofocus
            data={zones.map((name) => ({ value: name, label: name === 'local' ? `${t('This browser')} (${own})` : name }))}
            onChange={(value) => { if (value !== null) setPreferences({ zone: value }); setOpen(false); }}
          />
        </div>
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu({ help }: { readonly help: () => void }) {
  const t = useWords();
  const session = useSession();
  const client = useQueryClient();
  const { language } = usePreferences();
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const logOut = async (): Promise<void> => {
    await send('POST', '/auth/session/end');
    client.clear();
    await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    location.assign('/');
  };
  return (
    <Menu width={230}>
      <Menu.Target>
        <ActionIcon size="lg" aria-label={t('User and settings')}><IconUserCircle size={20} stroke={1.6} /></ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session?.user?.name} · {session?.user?.role}</Menu.Label>
        <Menu.Item leftSection={<IconSun size={15} />} onClick={() => setColorScheme('light')} aria-checked={colorScheme === 'light'} role="menuitemradio">{t('Light')}</Menu.Item>
        <Menu.Item leftSection={<IconMoon size={15} />} onClick={() => setColorScheme('dark')} aria-checked={colorScheme === 'dark'} role="menuitemradio">{t('Dark')}</Menu.Item>
        <Menu.Item leftSection={<IconWorld size={15} />} onClick={() => setColorScheme('auto')} aria-checked={colorScheme === 'auto'} role="menuitemradio">{t('As the system')}</Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLanguage size={15} />} onClick={() => setPreferences({ language: language === 'zh' ? 'en' : 'zh' })}>{language === 'zh' ? 'English' : '中文'}</Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={15} />} onClick={help}>{t('Keyboard shortcuts')}</Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void logOut()}>{t('Log out')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
