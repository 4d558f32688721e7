// Package train is the training loop: learning rate schedules (schedule.go),
// the position in the data (position.go), the loop (trainer.go) and
// checkpoints from which a run goes on bit for bit (checkpoint.go).
//
// It knows no configuration file, no terminal and no device: it is given a
// session, a plan of the data and somebody to tell.
package train
