"""What any read or write may raise when DynamoDB or the bucket does not do it."""

from botocore.exceptions import BotoCoreError
from pynamodb.exceptions import PynamoDBException

from chalicelib.storage.objects import ObjectError
from chalicelib.storage.reads import Throttled
from chalicelib.storage.transaction import Contended

STORAGE_ERRORS = (PynamoDBException, BotoCoreError, Throttled, Contended, ObjectError)
