//! What a user of Boardwright does.
