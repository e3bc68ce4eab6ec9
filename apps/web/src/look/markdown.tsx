import { Suspense, lazy } from 'react';

const ReactMarkdown = lazy(() => import('react-markdown'));

/** An author's Markdown. HTML in it is shown as text, addresses other than http(s) and mailto go nowhere, images are not fetched. */
export function Markdown({ text }: { readonly text: string }) {
  return (
    <div className="markdown">
      <Suspense fallback={<pre>{text}</pre>}>
        <ReactMarkdown
          components={{
            a: ({ href, children }) => (/^(https?:|mailto:)/i.test(href ?? '') ? <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a> : <span>{children}</span>),
            img: ({ alt }) => <span className="faint">[{alt}]</span>,
          }}
        >{text}</ReactMarkdown>
      </Suspense>
    </div>
  );
}
