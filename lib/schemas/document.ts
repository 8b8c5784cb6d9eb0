type JsonSchema = {
  $ref?: string;
  description?: string;
  required?: string[];
  properties?: Record<string, { default?: unknown }>;
};
type Content = { content?: Record<string, { schema?: JsonSchema }> };
type Operation = {
  operationId?: string;
  parameters?: { schema?: object; required?: boolean }[];
  requestBody?: Content;
  responses?: Record<string, Content>;
};
/** As much of an OpenAPI document as is changed here. */
type Document = {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, unknown> };
};

const JSON_TYPE = 'application/json';

/**
 * Makes of the document that the routes' schemas give one that generators of clients make good clients of: what has a
 * default may be left out, and what operations take and give has a name.
 */
export function finishDocument(document: Document): void {
  const schemas = { ...document.components?.schemas };
  for (const operation of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    letDefaultsBeOmitted(operation);
    nameBodies(operation, schemas);
  }
  document.components = { ...document.components, schemas };
}

/** What has a default is there when a handler runs, and so its schema requires it; no client has to send it. */
function letDefaultsBeOmitted({ parameters = [], requestBody }: Operation): void {
  for (const parameter of parameters) {
    if (parameter.schema && 'default' in parameter.schema) parameter.required = false;
  }
  for (const body of Object.values(requestBody?.content ?? {})) {
    const { required = [], properties = {} } = body.schema ?? {};
    const needed = required.filter((name) => !('default' in (properties[name] ?? {})));
    body.schema = { ...body.schema, required: needed };
  }
}

/** Generators number what has no name: a client would have to be told of an `InlineObject3`. */
function nameBodies(
  { operationId, requestBody, responses = {} }: Operation,
  schemas: Record<string, unknown>,
): void {
  if (!operationId) return;
  const name = operationId.replace(/^./, (letter) => letter.toUpperCase());
  const move = (body: Content | undefined, suffix: string) => {
    const media = body?.content?.[JSON_TYPE];
    if (!media?.schema?.properties) return;
    // What is described is the answer, of which one status may have another than the next.
    const schema = { ...media.schema };
    delete schema.description;
    schemas[name + suffix] = schema;
    media.schema = { $ref: `#/components/schemas/${name}${suffix}` };
  };
  move(requestBody, 'Request');
  for (const [status, response] of Object.entries(responses)) {
    if (status.startsWith('2')) move(response, 'Response');
  }
}
