package workflows

import (
	"github.com/google/uuid"

	"boxwood-conformance/internal/pb/tileboxv1"
)

// wireID makes the wire form of an id; the zero id is an absent one.
func wireID(id uuid.UUID) *tileboxv1.ID {
	if id == uuid.Nil {
		return nil
	}
	return &tileboxv1.ID{Uuid: id[:]}
}

// readID reads an id; absent ids and ids of a wrong length read as the zero id.
func readID(id *tileboxv1.ID) uuid.UUID {
	read, err := uuid.FromBytes(id.GetUuid())
	if err != nil {
		return uuid.Nil
	}
	return read
}
