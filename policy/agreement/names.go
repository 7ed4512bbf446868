package agreement

import (
	"context"
	"fmt"
	"strings"

	"guichet/schemas"
)

// MostNames bounds the organisations whose names are asked for at once.
const MostNames = 200

// Names gives the names of organisations, by their ids: of one's own, and of those that one has or had an agreement with,
// whose request waits or waited for one's word, or that one asked; of all for officers and operators. What others do here
// it does not tell: an id of theirs has no name. Errors: Unauthenticated, Denied, TooLarge.
func (s *Agreements) Names(
	ctx context.Context, by schemas.Principal, ids []schemas.ParticipantID,
) (map[schemas.ParticipantID]string, error) {
	err := SignedIn(by, "names")
	if err != nil {
		return nil, err
	}
	if len(ids) > MostNames {
		return nil, schemas.Errorf(schemas.TooLarge, "names", "at most %d organisations are named at once", MostNames)
	}
	known, err := s.acquainted(ctx, by, ids)
	out := map[schemas.ParticipantID]string{}
	for _, id := range ids {
		if err != nil {
			return nil, err
		}
		if !known[id] && id != by.Participant && !Oversees(by) {
			continue
		}
		p, found := s.Parties.Participant(ctx, id)
		switch {
		case found == nil && p.Name != "":
			out[id] = p.Name
		case found != nil && schemas.KindOf(found) != schemas.NotFound:
			err = found
		}
	}
	return out, err
}

// acquainted are those of some organisations that the caller's has something with.
func (s *Agreements) acquainted(
	ctx context.Context, by schemas.Principal, ids []schemas.ParticipantID,
) (map[schemas.ParticipantID]bool, error) {
	out := map[schemas.ParticipantID]bool{}
	if len(ids) == 0 || Oversees(by) {
		return out, nil
	}
	const reviews = " FROM request_reviewer v JOIN request r ON r.id = v.request WHERE "
	var query []string
	var args []any
	for _, look := range []string{
		"SELECT provider FROM agreement WHERE participant = ? AND provider IN ",
		"SELECT participant FROM agreement WHERE provider = ? AND participant IN ",
		"SELECT r.participant" + reviews + "v.reviewer = ? AND r.participant IN ",
		"SELECT v.reviewer" + reviews + "r.participant = ? AND v.reviewer IN ",
	} {
		query = append(query, look+"(?"+strings.Repeat(", ?", len(ids)-1)+")")
		args = append(args, string(by.Participant))
		for _, id := range ids {
			args = append(args, string(id))
		}
	}
	rows, err := s.DB.Query(ctx, strings.Join(query, " UNION "), args...)
	if err != nil {
		return nil, fmt.Errorf("look for acquaintances: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		err := rows.Scan(&id)
		if err != nil {
			return nil, fmt.Errorf("look for acquaintances: %w", err)
		}
		out[schemas.ParticipantID(id)] = true
	}
	return out, rows.Err()
}
