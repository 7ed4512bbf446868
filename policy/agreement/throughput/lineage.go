package throughput

import (
	"context"
	"fmt"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/sums"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Use is a run that read a dataset under an agreement, and what came out of it.
type Use struct {
	Dataset     schemas.DatasetID     `json:"dataset"`
	Provider    schemas.ParticipantID `json:"provider"`
	Agreement   schemas.AgreementID   `json:"agreement"`
	Purpose     string                `json:"purpose,omitempty" doc:"of the agreement"`
	Participant schemas.ParticipantID `json:"participant,omitempty" doc:"whose agreement it is"`
	Project     schemas.ProjectID     `json:"project"`
	Versions    []schemas.VersionID   `json:"versions,omitempty" doc:"that the agreement is on"`
	Run         schemas.RunID         `json:"run"`
	MayRead     bool                  `json:"may_read" doc:"the caller may read the run itself; where not, its name and outputs are not told"`
	External    string                `json:"external_id,omitempty"`
	Outputs     []schemas.Output      `json:"outputs,omitempty"`
	Flow                              // of streams that say exactly what they sent
	AtMost      *Flow                 `json:"at_most,omitempty" doc:"of streams whose end is not known, or that were released by URL"`
	Last        time.Time             `json:"last" doc:"the day, UTC, on which the last of its streams ended"`
}

// Lineage is who used what for what.
type Lineage struct {
	Uses    []Use `json:"uses" doc:"the newest first"`
	LeftOut int   `json:"left_out" doc:"further uses, which are only counted"`
}

// Lineage gives the newest uses of a dataset, under an agreement or of a run, at most so many. Errors: as Of; Invalid
// where none of them is named.
func (s *Throughputs) Lineage(ctx context.Context, by schemas.Principal, q Query, most int) (Lineage, error) {
	out := Lineage{Uses: []Use{}}
	err := agreement.SignedIn(by, "lineage")
	if err != nil {
		return out, err
	}
	if q.Dataset == "" && q.Agreement == "" && q.Run == "" {
		return out, schemas.BadField("lineage", "dataset", "name a dataset, an agreement or a run")
	}
	_, where, args, err := s.visible(ctx, by, &q)
	if err != nil {
		return out, err
	}
	from := ` FROM released_run WHERE hours = ?` + where
	args = append([]any{sums.Day}, args...)
	err = s.Agreements.DB.QueryRow(ctx, `SELECT count(*) FROM (SELECT DISTINCT agreement, run`+from+`) AS u`, args...).Scan(&out.LeftOut)
	if err != nil {
		return out, fmt.Errorf("count the uses: %w", err)
	}
	err = s.uses(ctx, from, args, most, &out)
	if err != nil {
		return out, err
	}
	out.LeftOut -= len(out.Uses)
	for i := range out.Uses {
		err := s.tell(ctx, by, &out.Uses[i])
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// uses reads the newest.
func (s *Throughputs) uses(ctx context.Context, from string, args []any, most int, out *Lineage) error {
	rows, err := s.Agreements.DB.Query(ctx, `SELECT dataset, provider, project, agreement, run, max(bin), CAST(sum(streams) AS BIGINT),
		CAST(sum(sent_rows) AS BIGINT), CAST(sum(sent_bytes) AS BIGINT), CAST(sum(most_streams) AS BIGINT), CAST(sum(most_rows) AS BIGINT),
		CAST(sum(most_bytes) AS BIGINT)`+from+` GROUP BY dataset, provider, project, agreement, run
		ORDER BY max(bin) DESC, agreement, run LIMIT ?`, append(args, most)...)
	if err != nil {
		return fmt.Errorf("read the uses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u Use
		var bin int64
		var atMost Flow
		err := rows.Scan(&u.Dataset, &u.Provider, &u.Project, &u.Agreement, &u.Run, &bin, &u.Streams, &u.Rows, &u.Bytes,
			&atMost.Streams, &atMost.Rows, &atMost.Bytes)
		if err != nil {
			return fmt.Errorf("read the uses: %w", err)
		}
		u.Last = sums.Begins(bin, sums.Day)
		if atMost.Streams > 0 {
			u.AtMost = &atMost
		}
		out.Uses = append(out.Uses, u)
	}
	return rows.Err()
}

// tell adds what the caller may know of the agreement and of the run.
func (s *Throughputs) tell(ctx context.Context, by schemas.Principal, u *Use) error {
	a, _, err := db.GetStored[schemas.Agreement](ctx, s.Agreements.DB, "agreement", string(u.Agreement))
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return err
	}
	if err == nil && agreement.MaySee(by, &a) {
		u.Purpose, u.Participant, u.Versions = a.Purpose, a.Participant, a.Versions
	}
	r, err := s.Runs.Get(ctx, by, u.Run)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return err
	}
	if err == nil {
		u.MayRead, u.External, u.Outputs = true, r.ExternalID, r.Outputs
	}
	return nil
}
