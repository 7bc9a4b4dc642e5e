"""Statistics of weekly counts: what a series lets expect, and which weeks exceed it. The only part that needs numpy.

- `farrington`: the flexible algorithm of Farrington, Noufaily and others, for series of three years and more.
- `short_history`: EARS C1 to C3 and the Bayes system, for series of less than two years; the old RKI system to compare.
- `pooling`: one indicator in many areas, with the season and trend of all together.
- `rare`: events rarer than two a week, by the days between them.
- `recent`: the last few weeks taken together, on what `farrington` expects of each.
- `charts`: CUSUM and EWMA on the same, for rises too slow for any single week.
- `knox`: whether pairs of events close in space and time are more than chance would bring about.
- `multiple`: the Benjamini-Hochberg procedure over all series of a week, and the minimum-count rule.
- `triangle`: what was known of a series on any past day, and how late it was told.
- `nowcast`: what a period of which not everything has been told will probably come to.
- `distributions`: negative binomial, Poisson, normal and Student probabilities behind them.
- `covariates`: days of the calendar, changes of recording and weeks that are no baseline, as columns and flags.
- `series`: arrays of counts, checked where they come in.

What judges weeks takes counts as a table with one row per series and one column per consecutive week, and weeks to
judge as columns of it. Nothing is random and nothing depends on what comes after a judged week. Each module names its
papers.

`charts`, `pooling`, `rare` and `recent`, and of `multiple` the minimum-count rule for arrays, serve the study alone
(`bench/study`, docs/statistics.md): they stand here to be compared, and no stage reads them. The rule a stage goes by
is in `core/judgements/signals.py`, and a test holds the two together.
"""
