/** /v1/assistants */
import { CreateAssistantRequest, ModifyAssistantRequest, type AssistantDeleted } from '../api/assistants.ts'
import { errors } from '../api/errors.ts'
import { ListAssistantsQuery } from '../api/lists.ts'
import { parse, parseQuery } from '../api/parse.ts'
import { createAssistant } from '../domain/create-assistant.ts'
import { modifyAssistant } from '../domain/modify-assistant.ts'
import { deleteAssistant, findAssistant, listAssistants } from '../sql/assistants.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'

export function assistantRoutes({ http, context }: Server): void {
  http.post('/assistants', async (request) =>
    createAssistant(context, request.project, parse(CreateAssistantRequest, request.body)),
  )

  http.get('/assistants', async (request) => {
    const query = pageQuery(parseQuery(ListAssistantsQuery, request.query))
    return answerPage('assistant', listAssistants(context.db, request.project, query))
  })

  http.get('/assistants/:assistant_id', async (request) => {
    const { assistant_id } = pathIds(request, 'assistant_id')
    const assistant = await findAssistant(context.db, request.project, assistant_id)
    if (!assistant) throw errors.notFound('assistant', assistant_id)
    return assistant
  })

  http.post('/assistants/:assistant_id', async (request) => {
    const { assistant_id: id } = pathIds(request, 'assistant_id')
    const body = parse(ModifyAssistantRequest, request.body)
    return modifyAssistant(context, { project: request.project, id }, body)
  })

  http.delete('/assistants/:assistant_id', async (request): Promise<AssistantDeleted> => {
    const { assistant_id: id } = pathIds(request, 'assistant_id')
    if (!(await deleteAssistant(context.db, request.project, id))) throw errors.notFound('assistant', id)
    return { id, object: 'assistant.deleted', deleted: true }
  })
}
