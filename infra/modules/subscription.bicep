// Which blob events become messages: files of the team that appeared or changed. Made after the roles, because Event Grid tries them when it is made.
param topicName string
param queueId string
param undeliveredAccountName string
param undeliveredContainer string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = { name: topicName }
resource undelivered 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: undeliveredAccountName }

resource files 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'files'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      // Without it every record, metric segment and chunk would be a message. Not subjectBeginsWith, which would have to name the container, and so miss every workspace
      // that is made later. What has the words further down its path comes too, and is dropped by the reader.
      advancedFilters: [{ operatorType: 'StringContains', key: 'subject', values: ['/blobs/data/'] }]
    }
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: { endpointType: 'ServiceBusQueue', properties: { resourceId: queueId } }
    }
    // A day is the longest there is; what the bus has not taken by then can be sent again by hand.
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: { endpointType: 'StorageBlob', properties: { resourceId: undelivered.id, blobContainerName: undeliveredContainer } }
    }
  }
}
