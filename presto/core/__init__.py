"""What every face shares: the service model, its rules, its store, and the pipeline that carries out orders."""
