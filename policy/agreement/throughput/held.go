package throughput

import (
	"context"
	"fmt"

	"guichet/policy/agreement"
	"guichet/schemas"
)

// Held is which agreements there are on a dataset, and what was read under them.
type Held struct {
	Dataset    schemas.DatasetID `json:"dataset"`
	Active     int               `json:"active" doc:"agreements that hold now"`
	Agreements int               `json:"agreements" doc:"all that there ever were"`
	Rows       int64             `json:"rows" doc:"that were read under all of them, as their budgets count them"`
	Bytes      int64             `json:"bytes"`
}

// Held gives it for each dataset of the caller's organisation on which there was an agreement, however many there are of
// them. Errors: Unauthenticated, Denied without an organisation.
func (s *Throughputs) Held(ctx context.Context, by schemas.Principal) ([]Held, error) {
	err := agreement.SignedIn(by, "uses")
	if err != nil {
		return nil, err
	}
	rows, err := s.Agreements.DB.Query(ctx, `SELECT dataset, CAST(sum(CASE WHEN state = ? AND until > ? THEN 1 ELSE 0 END) AS BIGINT), count(*),
		CAST(sum(rows_used) AS BIGINT), CAST(sum(bytes_used) AS BIGINT) FROM agreement WHERE provider = ? GROUP BY dataset ORDER BY dataset`,
		string(schemas.AgreementActive), s.now().UnixMicro(), string(by.Participant))
	if err != nil {
		return nil, fmt.Errorf("count agreements: %w", err)
	}
	defer rows.Close()
	out := []Held{}
	for rows.Next() {
		var h Held
		err := rows.Scan(&h.Dataset, &h.Active, &h.Agreements, &h.Rows, &h.Bytes)
		if err != nil {
			return nil, fmt.Errorf("count agreements: %w", err)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}
