/** Errors of a request's schema: each names the path of the field, with the text of the live service. */
import { badRequest } from './api-error.ts'

/** `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`. */
function quotedList(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`)
  if (quoted.length < 3) return quoted.join(' and ')
  return `${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}`
}

export const validationErrors = {
  missingParameter: badRequest('missing_required_parameter', "Missing required parameter: '{path}'."),
  unknownParameter: badRequest('unknown_parameter', "Unknown parameter: '{path}'."),
  invalidType: badRequest(
    'invalid_type',
    "Invalid type for '{path}': expected {expected}, but got {got} instead.",
  ),
  /** The body is not an object, so there is no path. */
  invalidBody: badRequest(
    'invalid_type',
    'Invalid type for the request body: expected {expected}, but got {got} instead.',
  ),
  invalidValue: badRequest(
    'invalid_value',
    "Invalid value: '{value}'. Supported values are: {supported}.",
    (path: string, value: string, supported: readonly string[]) => ({
      values: { value, supported: quotedList(supported) },
      param: path,
    }),
  ),
  invalidId: badRequest(
    'invalid_value',
    "Invalid '{path}': '{value}'. Expected an ID that begins with '{prefix}'.",
  ),
  stringTooLong: badRequest(
    'string_above_max_length',
    "Invalid '{path}': string too long. Expected a string with maximum length {limit}, but got a string with length {value} instead.",
  ),
  emptyString: badRequest(
    'empty_string',
    "Invalid '{path}': empty string. Expected a string with minimum length 1, but got an empty string instead.",
  ),
  patternMismatch: badRequest(
    'invalid_value',
    "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '{pattern}'.",
  ),
  arrayTooLong: badRequest(
    'array_above_max_length',
    "Invalid '{path}': array too long. Expected an array with maximum length {limit}, but got an array with length {value} instead.",
  ),
  emptyArray: badRequest(
    'empty_array',
    "Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
  ),
  integerTooBig: badRequest(
    'integer_above_max_value',
    "Invalid '{path}': integer above maximum value. Expected a value <= {limit}, but got {value} instead.",
  ),
  integerTooSmall: badRequest(
    'integer_below_min_value',
    "Invalid '{path}': integer below minimum value. Expected a value >= {limit}, but got {value} instead.",
  ),
  decimalTooBig: badRequest(
    'decimal_above_max_value',
    "Invalid '{path}': decimal above maximum value. Expected a value <= {limit}, but got {value} instead.",
  ),
  decimalTooSmall: badRequest(
    'decimal_below_min_value',
    "Invalid '{path}': decimal below minimum value. Expected a value >= {limit}, but got {value} instead.",
  ),
  tooManyProperties: badRequest(
    'object_above_max_properties',
    "Invalid '{path}': too many properties. Expected an object with at most {limit} properties, but got an object with {value} properties instead.",
  ),
  propertyNameTooLong: badRequest(
    'string_above_max_length',
    "Invalid property name in '{path}': '{key}' is too long. Expected a string with maximum length {limit}, but got a string with length {value} instead.",
    (path: string, key: string, lengths: { limit: number; value: number }) => ({
      values: { path, key, ...lengths },
      param: path,
    }),
  ),
  mutuallyExclusive: badRequest(
    'mutually_exclusive_parameters',
    "Mutually exclusive parameters: '{first}' and '{second}'. Please provide only one.",
    (first: string, second: string) => ({ values: { first, second }, param: first }),
  ),
  /** Ours: a field of the API that this server cannot obey. */
  notSupportedYet: badRequest(
    'unsupported_parameter',
    "Unsupported parameter: '{path}': {what} is not supported by this server yet.",
  ),
  /** Ours: the text cannot be stored unchanged. */
  unstorableText: badRequest(
    'invalid_value',
    "Invalid '{path}': the string contains {what}, which cannot be stored.",
  ),
  /** Ours: limits of any JSON body. */
  nestedTooDeep: badRequest('invalid_value', 'Invalid request body: nested deeper than {limit} levels.'),
  tooManyValues: badRequest('invalid_value', 'Invalid request body: more than {limit} values.'),
  invalidImageUrl: badRequest(
    'invalid_value',
    "Invalid '{path}': expected an http or https URL, or a data URL with an image in base64.",
  ),
  chunkOverlapTooBig: badRequest(
    'invalid_value',
    "Invalid '{path}': integer above maximum value. Expected a value less than or equal to half of 'max_chunk_size_tokens' ({limit}), but got {value} instead.",
  ),
  /** The older error texts of embeddings and files: the field is named at the end. */
  belowMinimum: badRequest(
    null,
    "{value} is less than the minimum of {limit} - '{path}'",
    (path: string, limit: number, value: number) => ({ values: { path, limit, value } }),
  ),
  notOneOf: badRequest(
    null,
    "'{value}' is not one of [{supported}] - '{path}'",
    (path: string, value: string, supported: readonly string[]) => ({
      values: { path, value, supported: supported.map((one) => `'${one}'`).join(', ') },
      param: path,
      detail: true,
    }),
  ),
  requiredProperty: badRequest(null, "'{path}' is a required property", { detail: true }),
}
