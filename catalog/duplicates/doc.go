// Package duplicates finds datasets that are one and the same in several catalogues.
//
// In: datasets, as the change sequence names them, and people's word that two are apart. Out: groups
// of datasets that are shown as one, each pair with its evidence in words. Always: nothing is
// merged; a dataset that not everybody may see is never compared, counted or grouped; what is found
// depends on what the datasets say now and not on the order in which they came; a false group is worse
// than one that is missed. A dataset that changed costs its own keys and their look-ups. Sums
// of the files that are kept here are not compared: whoever registered a file of the same bytes
// would learn what a closed version holds.
//
// It must not know formats, and says nothing about which of a group is the right one.
package duplicates
