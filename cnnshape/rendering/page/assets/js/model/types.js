/**
 * What Python writes into `#model`: `rendering/page/model_rows.py` and `model_graph.py`.
 *
 * @typedef {number | string} Dim a size, or an expression of letters
 * @typedef {Dim[]} Shape
 * @typedef {[string, Shape, string]} Named a tensor's name, shape and dtype
 *
 * @typedef {object} Check
 * @property {string} rule
 * @property {string} formula
 * @property {string[]} substitutions
 * @property {Shape | null} expected
 * @property {string} note
 * @property {string} mark
 *
 * @typedef {number[] | "global"} Extent
 * @typedef {{size: Extent, stride: Extent, offset: Extent}} Field
 *
 * @typedef {object} Row
 * @property {number} parent
 * @property {string} role
 * @property {string} state
 * @property {string} kind
 * @property {string} label
 * @property {string} [path]
 * @property {string} type
 * @property {string} [again]
 * @property {Shape[]} [in]
 * @property {Shape[]} [out]
 * @property {[number, number]} [more] how many shapes more there are
 * @property {string[]} [dtypes]
 * @property {Dim | null} params
 * @property {Dim | null} macs
 * @property {Dim | null} [activations]
 * @property {Dim | null} [allParams]
 * @property {Dim | null} [allMacs]
 * @property {string} [status]
 * @property {string} [source]
 * @property {Check | null} [check]
 * @property {number} [call]
 * @property {number} [operation]
 * @property {string} [words]
 * @property {[string, string][]} [arguments]
 * @property {Field} [field]
 * @property {[Named[], Named[]]} [named]
 *
 * @typedef {{text: string, operation?: number, call?: number}} Constraint
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {Dim | null} batch
 * @property {{name: string, shape: Shape | null, dtype: string}[]} inputs
 * @property {{params: number | null, macs: Dim | null, checks: {match: number, mismatch: number, uncovered: number}}} totals
 * @property {Record<string, number>} letters
 * @property {Constraint[]} constraints
 * @property {Row[]} rows whose `SHARED` parts are places in `shared`
 * @property {unknown[]} shared
 * @property {import("page/model/failure.js").Failure} [failure]
 */
export {};
