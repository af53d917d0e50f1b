"""S3 over plain folders: STATE/s3/<bucket>/<key>, shared with Spark."""
