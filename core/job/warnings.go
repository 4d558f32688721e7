package job

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/data"
)

// warnings are what the counts say that a person would want to know before
// training: each is a mistake as often as not.
func (j *Job) warnings() []string {
	n, c := &j.Counts, j.Config.Data
	var all []string
	if err := j.trainable(); err != nil {
		all = append(all, err.Error())
	}
	warn := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	share := func(part, of int) string {
		return fmt.Sprintf("%d of %d (%.3g %%)", part, of, 100*float64(part)/float64(max(of, 1)))
	}
	literal := " (split_special_tokens = true keeps special tokens in it as text)"
	if c.SplitSpecialTokens {
		literal = ""
	}
	all = append(all, j.templateProblems()...)
	warn(n.Untrained > 0, "%d examples have no token that is trained and are left out%s; look at roles_to_train and sequence_len", n.Untrained, where(n, "untrained"))
	warn(len(j.Text.Stop) == 0, "the model has no end-of-turn token: no answer is taught to end")
	warn(n.OpenEnded > 0 && c.TrainOnEOS != "none", "%s examples have no trained end-of-turn token after their last trained turn%s: the model does not learn to stop there",
		share(n.OpenEnded, n.Examples), where(n, "end_of_turn_untrained"))
	warn(n.DoubleBOS > 0, "%s examples begin with the begin-of-text token twice%s: the template and the tokenizer both add it", share(n.DoubleBOS, n.Examples), where(n, "double_bos"))
	warn(n.Lost > 0, "%s records have turns or tool calls that the chat template does not write as they are%s", share(n.Lost, n.Records), where(n, "lost"))
	warn(n.Marked > 0, "%s records hold a mark of a chat template, a special token or a place holder in their own text%s: were they laid out before, or not filled in?%s",
		share(n.Marked, n.Records), where(n, "template_marks"), literal)
	warn(n.EmptyAnswers > 0, "%s records have an answer without text%s: the model learns to say nothing there", share(n.EmptyAnswers, n.Records), where(n, "empty_answers"))
	warn(n.Reversed*2 > n.Records, "%s records begin with the assistant and end with the user%s: are the roles swapped?", share(n.Reversed, n.Records), where(n, "reversed"))
	whole := n.Examples + n.Dropped + n.Untrained
	warn(n.Cut*2 > whole, "most examples are cut: %s%s; sequence_len = %d would hold 95 %% of them whole", share(n.Cut, whole), where(n, "cut"), n.P95)
	warn(n.Dropped*2 > whole, "most examples are dropped as too long: %s%s; sequence_len = %d would hold 95 %% of them", share(n.Dropped, whole), where(n, "dropped"), n.P95)
	warn(n.Cut > 0 && j.hasText(), `text beyond sequence_len is left out; on_long = "split" goes on with it in further examples`)
	warn(n.Duplicates > n.Repeats, "%s records repeat an earlier one%s; dataset_exact_deduplication = true leaves them out", share(n.Duplicates, n.Records), where(n, "duplicates"))
	if leaked := j.leaked(); leaked > 0 {
		warn(true, "%s validation examples are trained on too, token for token: the validation loss looks better than it is", share(leaked, len(j.Held)))
	}
	warn(n.Tokens > 0 && n.Trained*100 < n.Tokens, "only %s tokens are trained", share(n.Trained, n.Tokens))
	warn(n.SamePairs > 0, "%s pairs have the same answer twice%s: they teach nothing", share(n.SamePairs, n.Pairs), where(n, "equal_pairs"))
	warn((n.Desirable == 0) != (n.Undesirable == 0), "all labels are the same: KTO learns from both kinds")
	return all
}

// templateProblems are what the template, the tokenizer and the settings say together,
// less what the counts say of the records. Some models write marks as plain text in their own template (Llama 2's [INST], Zephyr's
// <|user|>), which is no sign of another model's template.
func (j *Job) templateProblems() []string {
	if !j.usesTemplate() {
		return nil
	}
	n := &j.Counts
	counted := map[string]int{chat.DoubleBOS: n.DoubleBOS, chat.NothingTrained: n.Untrained, chat.EndUntrained: n.OpenEnded}
	var all []string
	for _, p := range j.Text.Template.Problems(j.Text.Tokenizer, j.Text.Options) {
		if counted[p.Kind] == 0 && (p.Kind != chat.ForeignTokens || j.Text.Own == "") {
			all = append(all, p.Text)
		}
	}
	return all
}

// usesTemplate says whether a dataset is of conversations, which a template lays out.
func (j *Job) usesTemplate() bool {
	return slices.ContainsFunc(j.sources, func(s source) bool { return s.Type != "completion" })
}

// where names the first record of a kind.
func where(n *data.Counts, what string) string {
	if place := n.First[what]; place != "" {
		return ", the first " + place
	}
	return ""
}

// hasText says whether a dataset is of plain text.
func (j *Job) hasText() bool {
	return slices.ContainsFunc(j.sources, func(s source) bool { return s.Type == "completion" })
}

// leaked counts the held-out examples that are also trained on. Without records that
// repeat others there are none to look for.
func (j *Job) leaked() int {
	if j.Counts.Duplicates == j.Counts.Repeats || len(j.Held) == 0 {
		return 0
	}
	return j.Store.Shared(j.Held, j.Plan.Train)
}

// trainable says whether the data is of a kind that this version trains on.
func (j *Job) trainable() error {
	what := ""
	switch n := j.Counts; {
	case n.Pairs > 0:
		what = fmt.Sprintf("%d preference pairs (DPO)", n.Pairs)
	case n.Desirable+n.Undesirable > 0:
		what = fmt.Sprintf("%d labelled answers (KTO)", n.Desirable+n.Undesirable)
	default:
		return nil
	}
	return UsageError{fmt.Errorf("the data holds %s, and training on them is not available in this version of loraedge; check shows them. To learn the good answers alone, give the data as messages or prompt and completion", what)}
}

// describeSource says in words what a dataset is.
func describeSource(s source, n data.SourceCounts) string {
	text := fmt.Sprintf("%s: %s", n.Name, n.Type)
	if s.reason != "" {
		text += fmt.Sprintf(" (recognised: %s)", s.reason)
	}
	if s.test {
		text += ", to evaluate on"
	}
	if n.Files > 1 {
		text += fmt.Sprintf(", %d files", n.Files)
	}
	text += fmt.Sprintf(", %d records, %d examples, %d tokens, %.3g %% trained", n.Records, n.Examples, n.Tokens, 100*float64(n.Trained)/float64(max(n.Tokens, 1)))
	if s.Weight != 0 && s.Weight != 1 {
		text += fmt.Sprintf(", weight %g", s.Weight)
	}
	return text
}
