//! What stands above each table: what is in it, who the observer is and what exactly that observer
//! sees, and which figures are simulated, sampled or computed.

pub const PEOPLE: &str = "\
WHAT A PERSON FETCHES A DAY, AND THE CROWD, BY LISTEN DIGITS 0 TO 3
The crowd is who fetches the same shard of the same node, the person included: median over people,
and what 99 of 100 have at least. It is what one node sees of somebody whose sessions with other
nodes it cannot link. All people are gone through; of more than 64 nodes, 64 are looked at.";

pub const NODES: &str = "\
THE CROWD AT BOTH NODES, AND WHAT A NODE DOES
\"both\" is the crowd for who links the downloads of a person at both nodes, by the address: those
with the same two nodes and digits (computed). Cells in and bytes out are an hour's, of a mean node
and of the fullest one; the store and its memory are at their peak.";

pub const NEEDED: &str = "\
NODES NEEDED
The people that a node is enough for, with 1 GiB of store, a line of 100 Mbit/s, and listeners who
fetch at most 50 MB a day, and so the nodes that towns need, with so many people (computed).";

pub const UPLOADS: &str = "\
WHO LINKS UPLOADS
Sees, of every cell that one person posts, the node and the first 12 bits, and knows that it is that
person's: all relays together, or the one at which the favourite listens, for somebody who hides no
address. Does not know which cells are real. Asked after some weeks, it names the digits that came
most above chance; in percent, how often they are those of the contact who gets most (of 8 contacts,
37 % of the cells). By chance 6 %, 0.4 % and 0.02 % for 1, 2 and 3 digits. `cells` are real ones a
day; wait is how long half of them, and 99 %, wait for a slot (336 h is two weeks or more), sent how
many had one within half a year. Simulated, 200 people a row.";

pub const CLOCK: &str = "\
WHO WATCHES THE CLOCK
Sees in which hours one person posts, and fetches all buckets as anybody can; does not know which
cells are whose: the wire, with TLS or Tor between. Machines are on in half of the hours. It names
the digit that gains most in those hours over the others. By chance 6 %. In percent as above, and
the weeks after which the favourite stands out by three standard deviations (computed). Simulated,
up to 400 people a row; the cells of all others are drawn together.";

pub const FETCHED: &str = "\
WHO WATCHES DOWNLOADS, WITH A CONTACT
A relay that knows which addresses fetch a shard, and a contact who writes to one of the listeners
and sees the acknowledgement. Who did not fetch the bucket of an acknowledged letter is excluded.
Letters after which, in half of all cases, nobody else is left, by the crowd and by the share of
buckets that its people fetch (computed).";
