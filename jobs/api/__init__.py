"""The REST API of templates, jobs, executions and the scheduler: views translate, call once, translate back."""
