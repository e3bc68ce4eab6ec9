import { SegmentedControl } from '@mantine/core';
import { IconInbox } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Page } from '../chrome/page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { useWords } from '../words/words.js';
import { QuestionCard } from './question-card.js';
import type { Question } from './question-card.js';

/** What tasks ask people. */
export function InboxPage() {
  const t = useWords();
  const [isOpen, setOpen] = useState(true);
  const list = useQuery({ queryKey: ['inbox', isOpen], queryFn: ({ signal }) => get<{ hitl_details: Question[] }>('/api/v2/dags/~/dagRuns/~/hitlDetails', { response_received: !isOpen, limit: 50, order_by: isOpen ? 'created_at' : '-responded_at' }, signal), retry: false });
  return (
    <Page title={t('Inbox')} actions={<SegmentedControl aria-label={t('Show')} value={isOpen ? 'open' : 'answered'} onChange={(value) => setOpen(value === 'open')} data={[{ value: 'open', label: t('Waiting') }, { value: 'answered', label: t('Answered') }]} />}>
      <Loaded query={list}>
        {(data) => data.hitl_details.length === 0 ? <Empty title={isOpen ? t('No task waits for an answer') : t('Nothing has been answered yet')} icon={<IconInbox />} /> : data.hitl_details.map((question) => <QuestionCard key={`${question.task_instance.id} ${question.created_at}`} question={question} />)}
      </Loaded>
    </Page>
  );
}
