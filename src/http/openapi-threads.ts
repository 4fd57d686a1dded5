/** What the API's description says of assistants, threads, messages, runs and steps. */
import * as lists from '../api/lists.ts'
import { IncludeQuery, ListRunStepsQuery } from '../api/run-steps.ts'
import { operation, type Operation } from './openapi-operation.ts'

const assistants: Operation[] = [
  operation('post /v1/assistants', 'createAssistant', 'Makes an assistant', {
    tag: 'Assistants',
    body: 'CreateAssistantRequest',
    answer: 'Assistant',
  }),
  operation('get /v1/assistants', 'listAssistants', 'Lists the assistants of the project', {
    tag: 'Assistants',
    query: lists.ListAssistantsQuery,
    answer: 'AssistantList',
  }),
  operation('get /v1/assistants/{assistant_id}', 'getAssistant', 'Shows an assistant', {
    tag: 'Assistants',
    answer: 'Assistant',
  }),
  operation('post /v1/assistants/{assistant_id}', 'modifyAssistant', 'Changes an assistant', {
    tag: 'Assistants',
    description: 'What is absent stays as it is. Runs that exist already keep the settings they began with.',
    body: 'ModifyAssistantRequest',
    answer: 'Assistant',
  }),
  operation('delete /v1/assistants/{assistant_id}', 'deleteAssistant', 'Deletes an assistant', {
    tag: 'Assistants',
    answer: 'AssistantDeleted',
  }),
]

const threads: Operation[] = [
  operation('post /v1/threads', 'createThread', 'Makes a thread, with messages if wanted', {
    tag: 'Threads',
    body: 'CreateThreadRequest',
    answer: 'Thread',
  }),
  operation('get /v1/threads', 'listThreads', 'Lists the threads of the project', {
    tag: 'Threads',
    query: lists.ListThreadsQuery,
    answer: 'ThreadList',
    isExtension: true,
  }),
  operation('get /v1/threads/{thread_id}', 'getThread', 'Shows a thread', {
    tag: 'Threads',
    answer: 'Thread',
  }),
  operation('post /v1/threads/{thread_id}', 'modifyThread', "Changes a thread's metadata or resources", {
    tag: 'Threads',
    body: 'ModifyThreadRequest',
    answer: 'Thread',
  }),
  operation('delete /v1/threads/{thread_id}', 'deleteThread', 'Deletes a thread and all that is in it', {
    tag: 'Threads',
    answer: 'ThreadDeleted',
  }),
  operation('post /v1/threads/{thread_id}/fork', 'forkThread', 'Copies a thread with its messages', {
    tag: 'Threads',
    description: 'Up to `last_message_id` where that is given.',
    body: 'ForkThreadRequest',
    answer: 'Thread',
    isExtension: true,
  }),
]

const message = '/v1/threads/{thread_id}/messages/{message_id}' as const
const messages: Operation[] = [
  operation('post /v1/threads/{thread_id}/messages', 'createMessage', 'Adds a message to a thread', {
    tag: 'Messages',
    description: 'Refused while a run is at work on the thread.',
    body: 'CreateMessageRequest',
    answer: 'Message',
  }),
  operation('get /v1/threads/{thread_id}/messages', 'listMessages', 'Lists the messages of a thread', {
    tag: 'Messages',
    query: lists.ListMessagesQuery,
    answer: 'MessageList',
  }),
  operation(`get ${message}`, 'getMessage', 'Shows a message', { tag: 'Messages', answer: 'Message' }),
  operation(`post ${message}`, 'modifyMessage', "Changes a message's metadata", {
    tag: 'Messages',
    body: 'ModifyMessageRequest',
    answer: 'Message',
  }),
  operation(`delete ${message}`, 'deleteMessage', 'Takes a message out of its thread', {
    tag: 'Messages',
    description: 'Refused while a run is at work on the thread.',
    answer: 'MessageDeleted',
  }),
]

const run = '/v1/threads/{thread_id}/runs/{run_id}' as const
const runs: Operation[] = [
  operation('post /v1/threads/runs', 'createThreadAndRun', 'Makes a thread and starts a run on it', {
    tag: 'Runs',
    query: IncludeQuery,
    body: 'CreateThreadAndRunRequest',
    answer: 'Run',
    stream: 'on demand',
  }),
  operation('post /v1/threads/{thread_id}/runs', 'createRun', 'Starts a run of an assistant on a thread', {
    tag: 'Runs',
    description: 'A thread has one run at work at a time.',
    query: IncludeQuery,
    body: 'CreateRunRequest',
    answer: 'Run',
    stream: 'on demand',
  }),
  operation('get /v1/threads/{thread_id}/runs', 'listRuns', 'Lists the runs of a thread', {
    tag: 'Runs',
    query: lists.ListRunsQuery,
    answer: 'RunList',
  }),
  operation(`get ${run}`, 'getRun', 'Shows a run', { tag: 'Runs', answer: 'Run' }),
  operation(`post ${run}`, 'modifyRun', "Changes a run's metadata", {
    tag: 'Runs',
    body: 'ModifyRunRequest',
    answer: 'Run',
  }),
  operation(`post ${run}/cancel`, 'cancelRun', 'Stops a run', {
    tag: 'Runs',
    description: 'The answer shows it `cancelling`; it is `cancelled` a moment later.',
    answer: 'Run',
  }),
  operation(`post ${run}/submit_tool_outputs`, 'submitToolOutputs', 'Answers the function calls of a run', {
    tag: 'Runs',
    description: 'For a run that waits in `requires_action`; all its calls are answered at once.',
    query: IncludeQuery,
    body: 'SubmitToolOutputsRequest',
    answer: 'Run',
    stream: 'on demand',
  }),
  operation(`get ${run}/trace`, 'getRunTrace', 'Shows what a run did beside its object', {
    tag: 'Runs',
    description: 'The model that answered, messages that were left out, processes that took the run over.',
    answer: 'RunTrace',
    isExtension: true,
  }),
]

const steps: Operation[] = [
  operation(`get ${run}/steps`, 'listRunSteps', 'Lists the steps of a run', {
    tag: 'Run steps',
    query: ListRunStepsQuery,
    answer: 'RunStepList',
  }),
  operation(`get ${run}/steps/{step_id}`, 'getRunStep', 'Shows a step of a run', {
    tag: 'Run steps',
    query: IncludeQuery,
    answer: 'RunStep',
  }),
]

export const threadOperations: readonly Operation[] = [
  ...assistants,
  ...threads,
  ...messages,
  ...runs,
  ...steps,
]
