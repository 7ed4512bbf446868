// Package dsp reads catalogues of the Dataspace Protocol 2025-1, as connectors such as Eclipse
// EDC give them.
//
// In flows the JSON of a catalogue of strangers; it becomes what DCAT-AP would say, and then
// datasets (connectors/dcatap). Always: it is read as plain JSON, so that a context that nobody knows is
// no obstacle, and nothing is fetched; bytes, depth and values are bounded; ids that a connector
// makes anew for each answer (of catalogues, services and offers) are part of nothing. It takes over no
// offers: terms come only from who holds the data, by negotiation.
package dsp
