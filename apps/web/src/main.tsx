import './look/reset.css';
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import '@mantine/core/styles.layer.css';
import '@mantine/notifications/styles.layer.css';
import './look/tokens.css';
import './look/base.css';
import './look/views.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { Failure, Waiting } from './feedback/feedback.js';
import { startLive } from './live/live.js';
import { theme } from './look/theme.js';
import { ApiError, send, sessionEnded } from './rest/client.js';
import { router } from './router.js';
import { Login } from './session/login.js';
import { sessionQuery } from './session/session.js';
import { preferences, setPreferences } from './time/preferences.js';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
sessionEnded.tell = () => void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
setPreferences({ language: preferences().language });

/** Of this answer's policy: style elements without it are not applied. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
// The scroll lock of dialogs makes a style element of its own, and looks for the nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

function App() {
  const session = useQuery(sessionQuery);
  const user = session.data?.user?.name;
  const renewAfter = session.data?.renew_after_seconds;
  useEffect(() => (user === undefined ? undefined : startLive(client)), [user]);
  useEffect(() => {
    if (user === undefined || renewAfter === undefined) return undefined;
    const renew = setInterval(() => void send('POST', '/auth/session/renew').catch(() => sessionEnded.tell()), Math.max(30, Math.min(renewAfter, 1_800)) * 1_000);
    return () => clearInterval(renew);
  }, [user, renewAfter]);
  if (session.data === undefined) return session.isError ? <Failure error={session.error} again={() => void session.refetch()} /> : <Waiting rows={4} />;
  return session.data.user === null ? <Login /> : <RouterProvider router={router} />;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" {...(nonce === undefined ? {} : { getStyleNonce: () => nonce })}>
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" limit={4} containerWidth={380} />
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
