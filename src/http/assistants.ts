/** /v1/assistants */
import { ListAssistantsQuery } from '../api/lists.ts'
import { createAssistant, modifyAssistant, deleteAssistant } from '../domain/assistants.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { route } from './route.ts'

export const assistantRoutes = [
  route({
    method: 'POST',
    path: '/v1/assistants',
    id: 'createAssistant',
    summary: 'Create an assistant',
    body: 'CreateAssistantRequest',
    example: { model: 'gpt-4o', name: 'Helper', instructions: 'Answer in one sentence.' },
    answer: 'Assistant',
    handle: ({ context, project, body }) => createAssistant(context, project, body),
  }),
  route({
    method: 'GET',
    path: '/v1/assistants',
    id: 'listAssistants',
    summary: 'List the assistants of the project',
    query: ListAssistantsQuery,
    answer: 'AssistantList',
    handle: ({ context, project, query }) => listObjects.assistants(context, project, query),
  }),
  route({
    method: 'GET',
    path: '/v1/assistants/{assistant_id}',
    id: 'getAssistant',
    summary: 'Retrieve an assistant',
    answer: 'Assistant',
    handle: ({ context, project, params }) => findObject.assistant(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: '/v1/assistants/{assistant_id}',
    id: 'modifyAssistant',
    summary: 'Modify an assistant',
    description: 'Absent fields keep their value. Existing runs keep the settings they were created with.',
    body: 'ModifyAssistantRequest',
    example: { name: 'Helper', temperature: 0.5 },
    answer: 'Assistant',
    handle: ({ context, project, params, body }) =>
      modifyAssistant(context, { project, id: params.assistant_id }, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/assistants/{assistant_id}',
    id: 'deleteAssistant',
    summary: 'Delete an assistant',
    answer: 'AssistantDeleted',
    async handle({ context, project, params: { assistant_id: id } }) {
      if (!(await deleteAssistant(context, project, id))) return undefined
      return { id, object: 'assistant.deleted', deleted: true }
    },
  }),
]
