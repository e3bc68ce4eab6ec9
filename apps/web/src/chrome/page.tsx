import { Link } from '@tanstack/react-router';
import { IconChevronRight } from '@tabler/icons-react';
import { useEffect } from 'react';
import type { ReactNode } from 'react';

export interface Crumb {
  readonly text: string;
  readonly to?: string;
}

/** The head of a page: where one is, what it is called, what can be done. */
export function Page({ title, crumbs = [], marks, actions, tabs, children, wide = false }: {
  readonly title: ReactNode;
  readonly crumbs?: readonly Crumb[];
  readonly marks?: ReactNode;
  readonly actions?: ReactNode;
  readonly tabs?: ReactNode;
  readonly children: ReactNode;
  readonly wide?: boolean;
}) {
  const name = typeof title === 'string' ? title : (crumbs.at(-1)?.text ?? 'Millrace');
  useEffect(() => {
    document.title = `${name} · Millrace`;
  }, [name]);
  return (
    <div className={wide ? 'page wide' : 'page'}>
      <header className="page-head">
        {crumbs.length > 0 && (
          <nav className="crumbs" aria-label="Breadcrumb">
            {crumbs.map((crumb, index) => (
              <span key={`${crumb.text}${index}`}>
                {crumb.to === undefined ? <span>{crumb.text}</span> : <Link to={crumb.to}>{crumb.text}</Link>}
                <IconChevronRight size={12} aria-hidden="true" />
              </span>
            ))}
          </nav>
        )}
        <div className="page-title">
          <h1>{title}</h1>
          <div className="page-marks">{marks}</div>
          <div className="page-actions">{actions}</div>
        </div>
        {tabs}
      </header>
      <div className="page-body">{children}</div>
    </div>
  );
}

export function Card({ title, aside, children, flush = false, className = '' }: { readonly title?: ReactNode; readonly aside?: ReactNode; readonly children: ReactNode; readonly flush?: boolean; readonly className?: string }) {
  return (
    <section className={`card ${flush ? 'flush' : ''} ${className}`}>
      {title !== undefined && (
        <div className="card-head">
          <h2>{title}</h2>
          <div className="card-aside">{aside}</div>
        </div>
      )}
      <div className="card-body">{children}</div>
    </section>
  );
}

/** Names and values. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode] | null)[] }) {
  return (
    <dl className="facts">
      {rows.filter((row) => row !== null).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === null || value === undefined || value === '' ? <span className="faint">—</span> : value}</dd>
        </div>
      ))}
    </dl>
  );
}
