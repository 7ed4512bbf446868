// Package serve makes a gateway of its settings, and runs it.
//
// In: one YAML file, the environment, flags. Out: a running gateway (Run), its folder with
// keys and first operator (InitCmd), or what is wrong with the settings. It is the only
// wiring: settings ▸ stores ▸ catalog ▸ policy ▸ gateway. Always: what is started is waited
// for, from the doors inwards; secrets stand in files that nobody else may read; no second
// gateway runs on the same folder. It must not decide what belongs to a layer below.
package serve
