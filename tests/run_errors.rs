//! What can go wrong around a training: nothing is lost, and the error names the file and what is wrong.
