/** The API's page: draws /openapi.json. Nothing comes from elsewhere, and text goes in as text. */

import { $, el } from './dom.js';

const VERBS = ['get', 'head', 'post', 'put', 'patch', 'delete'];

/** Follows a reference inside the document. */
function resolve(spec, node) {
  if (!node?.$ref) return node ?? {};
  return node.$ref.replace('#/', '').split('/').reduce((at, key) => at?.[key], spec) ?? {};
}

/** An example made of a schema: what a body looks like. */
function sample(spec, schema, depth = 0) {
  const found = resolve(spec, schema);
  if (found.example !== undefined) return found.example;
  if (found.enum) return found.enum[0];
  if (depth > 4) return null;
  if (found.anyOf) return sample(spec, found.anyOf[0], depth);
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === 'array') return [sample(spec, found.items, depth + 1)];
  if (type === 'object' || found.properties) {
    return Object.fromEntries(Object.entries(found.properties ?? {}).map(([key, value]) => [key, sample(spec, value, depth + 1)]));
  }
  return { string: 'text', integer: 1, number: 1.5, boolean: true }[type] ?? null;
}

function body(spec, title, content) {
  const [[kind, media] = []] = Object.entries(content ?? {});
  if (!media) return [];
  const text = kind === 'application/json' ? JSON.stringify(sample(spec, media.schema), null, 2) : kind;
  return [el('p', { class: 'quiet', text: title }), el('pre', { text })];
}

function call(spec, path, verb, operation) {
  const parameters = (operation.parameters ?? []).map((one) => resolve(spec, one));
  const answers = Object.entries(operation.responses).map(([status, one]) => [status, resolve(spec, one)]);
  const good = answers.find(([status]) => status.startsWith('2') || status === '303');
  return el('details', {},
    el('summary', {}, el('span', { class: 'verb', text: verb.toUpperCase() }), el('code', { text: path }), el('span', { class: 'quiet', text: ` ${operation.summary}` })),
    ...(parameters.length > 0 ? [el('p', { class: 'quiet', text: 'Parameters' }), el('pre', { text: parameters.map((one) => `${one.in} ${one.name}${one.required ? '' : '?'}: ${one.description ?? ''}`).join('\n') })] : []),
    ...body(spec, 'Request', resolve(spec, operation.requestBody).content),
    ...(good ? body(spec, `Answer ${good[0]}`, good[1].content) : []),
    el('p', { class: 'quiet', text: 'Errors' }),
    el('pre', { text: (operation['x-error-codes'] ?? []).join('\n') || 'none of its own' }));
}

function draw(spec) {
  const nodes = [el('h1', { text: spec.info.title }), el('p', { text: spec.info.description })];
  for (const tag of spec.tags) {
    nodes.push(el('h2', { text: tag.name }), el('p', { class: 'quiet', text: tag.description }));
    for (const [path, verbs] of Object.entries(spec.paths)) {
      for (const verb of VERBS) {
        if (verbs[verb]?.tags.includes(tag.name)) nodes.push(call(spec, path, verb, verbs[verb]));
      }
    }
  }
  const codes = Object.entries(spec['x-error-codes']);
  nodes.push(el('h2', { text: 'Error codes' }), el('table', {}, el('tbody', {}, ...codes.map(([code, meaning]) => el('tr', {}, el('th', { scope: 'row' }, el('code', { text: code })), el('td', { text: meaning }))))));
  $('#docs').replaceChildren(...nodes);
  $('#docs').removeAttribute('aria-busy');
}

const answer = await fetch(new URL('../../openapi.json', import.meta.url));
draw(await answer.json());
