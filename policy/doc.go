// Package policy says yes or no. In: who asks for what (Attributes) and datasets
// with their offers (schemas). Out: decisions with reasons and obligations, and
// the Grant without which no stream opens.
//
// Always: deny by default; three layers (EU baseline, data-space baseline, the
// provider's offer), the strictest wins; one evaluation answers a request, a
// dry run and the marks of a whole search, so they cannot differ. Offers are
// data for the Rego modules embedded here and in schemas/spaces, never code.
//
// It must not know doors, streams or the catalogue's storage.
package policy
