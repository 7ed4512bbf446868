package schemas

import "time"

// Change kinds: every change of state is one leaf of the record [decisions.md 31].
const (
	ChangeDatasetPut   = "dataset.put"
	ChangeDatasetOffer = "dataset.offer"
	ChangeDatasetGone  = "dataset.withdrawn"
	ChangeVersion      = "dataset.version"
	ChangeDatasetSame  = "dataset.same"  // it is in another group of the same data
	ChangeDatasetApart = "dataset.apart" // somebody says so of two, or takes it back
	ChangeParty        = "party.put"     // participant, project, factory, store
	ChangeReview       = "review"
	ChangeJobKey       = "job-key"
	ChangeCopy         = "copy"      // data are staged
	ChangeCopyOpen     = "copy.open" // a staged copy may be read for a while
	ChangeCopyReads    = "copy.reads"
	ChangeRun          = "run"
	ChangeRefusal      = "refusal"
	ChangeErasure      = "record.erased"
	ChangeSource       = "source" // a catalogue that is harvested
	ChangeLogStart     = "log.start"

	ChangeStopped, ChangeUnstopped       = "party.stopped", "party.unstopped"
	ChangeRequest, ChangeRequestBack     = "request", "request.withdrawn"
	ChangeAgreement, ChangeRevoke        = "agreement", "agreement.revoked"
	ChangeLease, ChangeLeaseRevoked      = "lease", "lease.revoked" // of a job key or a staged copy too
	ChangeReleaseBegin, ChangeReleaseEnd = "release.begin", "release.end"

	// Somebody asks to join with an organisation, and what the operator answers; invitations of members.
	ChangeJoin, ChangeJoinConfirmed, ChangeJoinRefused                  = "join", "join.confirmed", "join.refused"
	ChangeInvitation, ChangeInvitationTaken, ChangeInvitationBack       = "invitation", "invitation.accepted", "invitation.withdrawn"
	ChangeCall, ChangeCallAsked, ChangeCallAdmitted, ChangeCallDeclined = "call", "call.asked", "call.admitted", "call.declined"
)

// ChangeKinds lists every kind of change.
func ChangeKinds() []string {
	return []string{
		ChangeDatasetPut, ChangeDatasetOffer, ChangeDatasetGone, ChangeVersion, ChangeParty, ChangeStopped, ChangeUnstopped,
		ChangeRequest, ChangeRequestBack, ChangeReview, ChangeAgreement, ChangeRevoke, ChangeLease, ChangeLeaseRevoked, ChangeJobKey, ChangeCopy,
		ChangeCopyOpen, ChangeCopyReads, ChangeRun,
		ChangeReleaseBegin, ChangeReleaseEnd, ChangeRefusal, ChangeErasure, ChangeLogStart, ChangeSource,
		ChangeDatasetSame, ChangeDatasetApart, ChangeJoin, ChangeJoinConfirmed, ChangeJoinRefused, ChangeInvitation,
		ChangeInvitationTaken, ChangeInvitationBack, ChangeCall, ChangeCallAsked, ChangeCallAdmitted, ChangeCallDeclined,
	}
}

// Change is one entry of the one change sequence. Its leaf in the tree is
// canonical JSON (RFC 8785) of: v, kind, at, numbers in the clear, and one salted
// commitment for each value; the values and salts stand in the side table, so
// that erasing them leaves the tree whole [decisions.md 24].
type Change struct {
	Kind    string
	Subject string            // id of what changed, at most 512 bytes; the leaf commits to it as the value "of"
	At      time.Time         // set by Append when zero
	Values  map[string]string // who, which dataset, why: committed, never in the leaf itself
	Numbers map[string]int64  // rows, bytes, batches: in the leaf
}

// Record is one entry of the record as an officer reads it.
type Record struct {
	Index   int64             `json:"index"`
	At      time.Time         `json:"at"`
	Kind    string            `json:"kind"`
	Subject string            `json:"subject,omitempty"`
	Values  map[string]string `json:"values,omitempty" doc:"erased or unverifiable ones are absent"`
	Numbers map[string]int64  `json:"numbers,omitempty"`
	Leaf    []byte            `json:"leaf" doc:"the leaf's bytes"`
	Salts   map[string][]byte `json:"salts,omitempty" doc:"per value, to check its commitment"`
}

// StoredNoun is a noun that rules, as the database holds it now.
type StoredNoun struct {
	Table  string `json:"noun" doc:"agreement, dataset, factory, lease, participant, project, store, version or account"`
	ID     string `json:"id"`
	Digest string `json:"digest,omitempty" doc:"what the newest change about it must commit to; absent while a version is being published, and of accounts"`
	Rows   int64  `json:"rows,omitempty" doc:"of an account: rows that its budget has given out for good, at least what the record says"`
	Bytes  int64  `json:"bytes,omitempty" doc:"likewise"`
}
