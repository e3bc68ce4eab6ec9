import { Suspense, lazy } from 'react';
import type { Options } from 'react-markdown';

const Rendered = lazy(async () => {
  const [{ default: ReactMarkdown }, { default: tables }] = await Promise.all([import('react-markdown'), import('remark-gfm')]);
  return { default: ({ children, components }: Pick<Options, 'children' | 'components'>) => <ReactMarkdown remarkPlugins={[tables]} components={components}>{children}</ReactMarkdown> };
});

/** An author's Markdown, with tables, task lists and bare addresses as GitHub has them. HTML in it is shown as text, addresses other than http(s) and mailto go nowhere, images are not fetched. */
export function Markdown({ text }: { readonly text: string }) {
  return (
    <div className="markdown">
      <Suspense fallback={<pre>{text}</pre>}>
        <Rendered
          components={{
            a: ({ href, children }) => (/^(https?:|mailto:)/i.test(href ?? '') ? <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a> : <span>{children}</span>),
            img: ({ alt }) => <span className="faint">[{alt}]</span>,
          }}
        >{text}</Rendered>
      </Suspense>
    </div>
  );
}
