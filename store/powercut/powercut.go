// Package powercut finds out what a store finds after a power cut, for tests.
//
// A Recorder lies beneath a store's content (maildir.Disk) and its databases
// (internal/db/vfs) and writes down, in order, every call that changes the data
// folder, every sync, and the words of the test itself (Say): what it intended
// and what it was told. A Replay builds the folder as it may be when the power
// was cut after any of these calls.
//
// # What a power cut leaves
//
// What was synced is there: a sync covers what had returned before it began,
// once it has returned itself without an error. Everything else may be there or
// not, within the limits of a Model. In all of them
//
//   - a file is cut into sectors of 512 octets. Each holds what one of the writes
//     since the last sync has left in it, or what was synced; which one is chosen
//     for each sector, for each page of 4096 octets, or for the file (as if
//     writes had stopped at one of them). A write across sectors can be torn, one
//     within a sector is not, and octets beside a write are not touched
//     (SQLite's POWERSAFE_OVERWRITE, which it assumes of every disk by default);
//   - rename is one step: the file has its old name or its new one. Journaled and
//     copy-on-write file systems promise that; ext4 without a journal does not,
//     and nothing above could make up for it but two more syncs for each name;
//   - after a sync that failed nobody knows: each sector it should have written
//     holds old or new, and no later sync makes up for that (Linux forgets that
//     the page was dirty). Of one of the file system that is so for the files
//     nobody had open: whoever has one open is told by its next sync (errseq,
//     since Linux 4.16), and that is another fault;
//   - what was written long ago (WrittenBack calls) is there, as the kernel writes
//     back by itself.
//
// Posix is the disk that keeps the word of POSIX and not more: fsync of a file
// makes its octets and its size durable, fsync of a folder the names in it, and
// neither anything else. Names that no sync covers come and go independently
// (only what happened to one name stays in order); a file's size and its octets
// come independently, and what has a size and no octets yet is zeros or rubbish.
//
// Journaled is ext4 with its journal, data=ordered and delayed allocation, and
// near enough to XFS: all changes of names and sizes are in one order, of which
// the disk has a beginning. A sync of a file or folder brings the beginning up to
// the last change of that file or folder. A size is there only with the octets
// that made it.
package powercut

// Model is what a disk may forget.
type Model int

// The models.
const (
	Posix Model = iota
	Journaled

	Models = 2
)

func (m Model) String() string { return [...]string{"posix", "journaled"}[m] }

// WrittenBack is after how many calls something is on the disk without a sync.
const WrittenBack = 3000

const (
	sector = 512
	page   = 4096
)
