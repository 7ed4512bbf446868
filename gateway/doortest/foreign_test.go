package doortest

import "testing"

func cutsSeen(t *testing.T, r *Rig, doors []Door)       {}
func equalToPyarrow(t *testing.T, r *Rig, doors []Door) {}
func rates(t *testing.T, r *Rig, doors []Door)          {}
